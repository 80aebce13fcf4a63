# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Offers and uplift
#
# Who should get which offer? Not who is likely to leave, but whom the offer changes, at what it costs. The
# effect is learnt from past contacts of which some were held back by lot, with the code of `holdfast train`,
# and held against the simulated world's own truth. Then: what the choice would have earned, by the
# log of contacts alone; and what customers buy next, for offers of a category.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from decisions.choice import NOTHING
from decisions.circumstance import circumstances
from decisions.policy import read_policy
from decisions.standing import standing_of
from features.reader import read_facts
from models.contact import EFFECT_FACTS, build_contact_frame, own_facts, terms_of
from models.contact_log import expected_rewards, read_contact_log
from models.cost_curve import ranked
from models.effect import OfferModels, predict_offers, train_offer_models
from models.off_policy import METHODS, certain, compare, estimate
from models.offer_past import past_of
from models.purchase import CATEGORY
from models.question import Question
from models.scorer import Scores
from models.uplift_learner import LEARNERS
from models.uplift_metric import judge, qini_area, qini_curve
from pipelines.affinity import track_affinity, train_affinity
from pipelines.as_of import offers_of
from pipelines.check import check
from pipelines.configuration import configuration
from pipelines.gate_offers import choices_at
from pipelines.plot import affinity_plot
from pipelines.simulate import simulate
from pipelines.tracking import log_figures, use_experiment
from releases.home import Home
from tables.history import read_histories
from tables.moment import DAY, local_day

# %matplotlib inline
home = Home(Path(tempfile.mkdtemp()) / "home")  # or the home of a base of yours, checked before
simulate(home, customers=1500, seed=4, weeks=91)
check(home, share=0.01)
base = home.current_base()
histories = read_histories(base / "histories")
question, policy = Question(), read_policy(configuration() / "policy.yaml")
now = histories.last_at
then = now - question.horizon  # nothing after it is learnt from
offers = offers_of(base, now, histories.time_zone)
terms, rate = terms_of(offers), policy.margin_rate

# %% [markdown]
# ## The effect, as the job learns it
#
# Redemption is predicted and the value added is: two models, of customer and offer together. `learner` is
# the one whose choices earned most on later contacts, unless nobody is surely ahead of `shared`.

# %%
trained = train_offer_models(
    histories, offers, then, now, margin_rate=rate, horizon_days=question.horizon_days
)
print(f"{trained.contacts:,} contacts, {trained.held_back:,} held back; learner {trained.learner!r}")
print(trained.overlap)
pd.Series({name: str(each) for name, each in (trained.compared | trained.evaluation).items()}).to_frame()

# %% [markdown]
# ## Against two models, and against the truth
#
# The common baseline is one model of those contacted and another of those not (`t`). Both learn from the same
# past. On later contacts: the Qini area, minor units a customer, with the truth's own order beside it.

# %%
frame = build_contact_frame(histories, offers, now, margin_rate=rate)
known = frame.rows(frame.facts.moments + question.horizon <= then)
later = frame.rows(frame.facts.moments >= then)
past, usual = past_of(histories, known, then, question.horizon_days, rate)
models = {
    "ours": trained.evaluated,
    "two models": OfferModels(past.response, LEARNERS["t"](past.trial), past.usual_spend, ""),
}
truth = pq.read_table(home.current_incoming() / f"truth/{local_day(then, histories.time_zone)}.parquet")
net = truth.to_pandas().pivot(index="customer_id", columns="offer_id", values="expected_net_value")
net = net.reindex(index=histories.ids, columns=["", *(offer.offer_id for offer in offers)]).to_numpy()
added = net[:, 1:] - net[:, :1]  # by the truth, less what the offer costs; nan where it may not be made

# %%
rows = np.arange(len(later))
effects = {
    name: predict_offers(model, later.facts.values, terms)[1][rows, later.offer]
    for name, model in models.items()
}
effects["truth"] = np.nan_to_num(added[later.facts.places, later.offer])
sent = later.contacted.astype(float)
figures, ahead = judge(qini_area, effects, later.value, sent, later.facts.places, "ours")
pd.DataFrame({"Qini area": figures, "less ours": ahead}).map(str, na_action="ignore").fillna("")

# %% [markdown]
# A customer's own spending is noise many times the effect, so that the Qini of a small base says little, as
# its intervals admit. What the truth knows has none of that noise: the cost curve is what each choice would
# really earn, the most promising customers first.

# %%
asked = np.flatnonzero(np.isfinite(net[:, 0]) & np.isfinite(added).any(axis=1))
told = read_facts(histories, asked, then)
own = own_facts(told.values, told.names)
allowed = np.isfinite(added[asked])
expected, cost = {}, {}
for name, model in models.items():
    response, uplift = predict_offers(model, own, terms)
    cost[name] = response * [offer.cost for offer in offers] + [offer.contact_cost for offer in offers]
    expected[name] = np.where(allowed, uplift - cost[name], -np.inf)
expected["truth"], cost["truth"] = np.where(allowed, added[asked], -np.inf), cost["ours"]
curves = {}
for name, promised in expected.items():
    best, place = promised.argmax(axis=1), np.arange(len(asked))
    rank = promised[place, best] / np.maximum(cost[name][place, best], 1.0)
    curves[name] = ranked(rank, added[asked][place, best], cost["ours"][place, best])
everybody = np.ones(len(asked))
pd.Series({name: curve.end(everybody) for name, curve in curves.items()}, name="net value a customer").round()

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
yuan = 10.0**-2
for name, curve in curves.items():
    drawn = curve.curve(everybody)
    left.plot(drawn.cost * yuan, drawn.net * yuan, label=name)
    customers, gain = qini_curve(effects[name], later.value, sent, np.ones(len(later)))
    right.plot(customers / customers[-1], gain / len(later) * yuan, label=name)
right.plot([0, 1], [0, gain[-1] / len(later) * yuan], color="grey", linestyle="--", label="by lot")
left.set(
    xlabel="cost a customer, yuan", ylabel="net value a customer, yuan", title="Cost curve, by the truth"
)
right.set(xlabel="share contacted", ylabel="gain a contact, yuan", title="Qini on later contacts")
for axes in (left, right):
    axes.legend()
plt.show()

# %% [markdown]
# ## Where the past cannot tell
#
# Without anybody held back, or where contact followed a rule, no effect is identified, and none is promised.

# %%
active = known.facts.column("orders_364d") > np.median(known.facts.column("orders_364d"))
pasts = {
    "drawn by lot": known,
    "nobody held back": known.rows(known.contacted),
    "the busy ones contacted": known.rows(known.contacted == active),
}
for name, each in pasts.items():
    found, _ = past_of(histories, each, then, question.horizon_days, rate)
    print(f"{name}: {found.why_not or found.overlap}\n")

# %% [markdown]
# ## What the policy would have earned
#
# From the log alone, without any truth: the choice of the job, made for each later contact as of then, under
# consent and without a budget, against contacting nobody. Net value of 28 days, minor units a decision;
# `dr` is what the gate of `holdfast promote` looks at. Few of the logged contacts are what the policy would
# have done, and a few large customers weigh much: so small a log leaves the question open.

# %%
log = read_contact_log(histories, offers, then, now, question, margin_rate=rate, most=100_000)
seen = read_facts(histories, log.log.customer, log.at - 1)
own = own_facts(seen.values, seen.names)
promised = predict_offers(trained.evaluated, own, terms)
silent = np.full(len(own), np.nan)  # the choice does not look at churn or value
scores = Scores(silent, silent, *promised)
standing = standing_of(histories, log.log.customer, log.at - 1, policy, seen, scores)
who = circumstances(histories, log.log.customer, log.at - 1, seen, standing, policy)
chosen = np.full(len(own), NOTHING)
for week in np.unique(log.week):
    mine = np.flatnonzero(log.week == week)
    theirs, t = Scores(*(part[mine] for part in scores)), int(log.at[mine].max())
    # A thousand times every limit: what the offers add, not what a week can pay.
    chosen[mine] = choices_at(theirs, offers, who.rows(mine), policy, t, 1000.0).chosen
ours, nobody = (certain(each, 1 + len(offers)) for each in (1 + chosen, np.zeros(len(own), np.int64)))
reward = expected_rewards(log.log, own, 1 + len(offers))
earned = {method: compare(method, log.log, ours, nobody, reward) for method in METHODS}
print(f"{(chosen != NOTHING).mean():.0%} of {len(own):,} decisions are an offer")
pd.DataFrame(
    {
        "ours": {method: str(estimate(method, log.log, ours, reward)) for method in METHODS},
        "nobody": {method: str(estimate(method, log.log, nobody, reward)) for method in METHODS},
        "ours less nobody": {method: str(each) for method, each in earned.items()},
    }
)

# %% [markdown]
# ## What they buy next
#
# An offer of a category is worth little to those who never come to it. `holdfast affinity` learns who will
# buy what within 28 days: of what was bought before, and of what is new.

# %%
_, affinity, _ = train_affinity(histories, now, CATEGORY)
affinity_plot(affinity["ranking"])
plt.show()
pd.Series({name: str(each) for name, each in affinity["promise"].items()}, name="promise").to_frame()

# %% [markdown]
# ## Side by side in MLflow
#
# `mlflow ui`, experiment *offers and uplift*: tick the runs, *Compare*.

# %%
EXPERIMENT = "offers and uplift"
use_experiment(EXPERIMENT)
for name, curve in curves.items():
    with mlflow.start_run(run_name=name):
        mlflow.log_params({"learner": name, "contacts": len(known), "customers": len(asked)})
        log_figures(
            {"offers": {"qini_area": figures[name], "net_value_by_truth": curve.end(everybody)}}
            | ({"truth": {"earned_less_nobody": earned["dr"].value}} if name == "ours" else {})
        )
track_affinity("affinity", affinity, EXPERIMENT)
runs = mlflow.search_runs(experiment_names=[EXPERIMENT])
runs[
    ["tags.mlflow.runName", "metrics.offers.qini_area.value", "metrics.offers.net_value_by_truth",
     "metrics.ranking.new.ndcg_at_10.holdfast.value"]
]  # fmt: skip
