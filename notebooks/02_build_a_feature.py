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
# # Build a feature
#
# From an idea to production in a quarter of an hour: the fact begins as its SQL text at many moments, is
# tried in training as it is, and when it pays becomes the loop over one history that everything reads. The
# idea here: *somebody who comes to look and does not buy.* How often did a customer visit since the last
# order?

# %%
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd

from features.draft import read_draft
from features.family import Fact, family
from features.reader import read_facts
from features.window import is_new_order
from models.churn import train_customer_models
from models.explainer import Explainer
from models.frame import build_frame, training_moments
from models.pairing import gains
from models.question import Question
from pipelines.check import check
from pipelines.simulate import simulate
from pipelines.tracking import track_trial
from releases.home import Home
from tables.contract import INTERACTION_KINDS
from tables.history import History, read_histories

home = Home(Path(tempfile.mkdtemp()) / "home")  # or the home of a base of yours, checked before
simulate(home, customers=800, seed=2, weeks=91)
check(home, share=0.01)
base = home.current_base()
histories = read_histories(base / "histories")

# %% [markdown]
# ## As SQL
#
# In the text, every table is as it was known at `t()`: corrections, withdrawals, late arrivals and merged
# customers are dealt with. `everyone` has each customer once, and each must get one row.

# %%
TEXT = """
with last as (
  select customer_id, max("at") as ordered_at from transactions where quantity > 0 group by customer_id
)
select everyone.customer_id,
  case when ordered_at is not null then count(v."at") filter (v."at" > ordered_at) end as visits_since_last_order
from everyone left join last using (customer_id)
left join interactions v on v.customer_id = everyone.customer_id and v.kind = 'visit'
group by everyone.customer_id, ordered_at
"""
question = Question(horizon_days=91)
moments = training_moments(histories, question, histories.last_at, test_months=2)
frame = build_frame(histories, question, moments, margin_rate=0.3)
facts = frame.facts
draft = read_draft(base / "tables", histories, facts.places, facts.moments, TEXT)
visits = pd.cut(draft.column("visits_since_last_order"), [-1, 0, 2, 5, 10, np.inf])
pd.Series(frame.churned, name="churned").groupby(visits, observed=True).agg(["size", "mean"])

# %% [markdown]
# ## Tried in training, as it is
#
# Beside the catalogue's facts, in the recipe of `holdfast train`. Does the model get better, and does it
# lean on the fact? Intervals are paired: both models on the same resamples of the same customers. In a
# world of a thousand customers they are wide, and a fact that says again what others say gains nothing:
# an idea whose intervals hold zero stays a draft. The way on is shown all the same.

# %%
tried = replace(frame, facts=facts.beside(draft))
without, with_it = (
    train_customer_models(each, moments, question, histories.time_zone) for each in (frame, tried)
)
found = gains(
    with_it.test, question, with_it.predictions["model"], without.predictions["model"], histories.time_zone
)
pd.DataFrame({part: {metric: str(gain) for metric, gain in each.items()} for part, each in found.items()}).T

# %%
weights = np.abs(Explainer(with_it.judged.churn)(with_it.test.facts.values)).mean(axis=0)
rank = 1 + int((weights > weights[with_it.names.index("visits_since_last_order")]).sum())
print(f"by mean |SHAP| on held-out time it is fact {rank} of {len(with_it.names)}")

# %% [markdown]
# Both runs are in MLflow, with the figures and plots that `holdfast train` logs: `mlflow ui`, tick both,
# *Compare*.

# %%
for name, customer, each in (("without", without, frame), ("with visits_since_last_order", with_it, tried)):
    print(
        name, track_trial(name, customer, each, question, "build a feature", idea="visits_since_last_order")
    )


# %% [markdown]
# ## As the loop over one history
#
# What the weekly run reads for everyone in a second, and the service for one customer at once. What is not
# visible at `t` was taken away before. In production this cell is a file in `src/features` and a line in
# `src/features/catalogue.py`, its topic a word in `src/models/topic.py`; the text above is its oracle
# (`docs/adding_a_family.md`).

# %%
VISIT = INTERACTION_KINDS.index("visit") + 1


class BrowsingFacts(NamedTuple):
    """Coming to look without buying."""

    visits_since_last_order: Annotated[
        float,
        Fact("Visits since the last order", "上次下单后的访问次数", "visits", summary="the last order"),
    ]


@family(BrowsingFacts, sources=("transactions", "interactions"), owner="marketing", since="0.3.0")
def browsing(history: History, t: int) -> BrowsingFacts:
    lines, rows = history.transactions, history.interactions
    last = len(lines) - 1
    while last >= 0 and not is_new_order(lines, last):
        last -= 1
    if last < 0:
        return BrowsingFacts(np.nan)
    visits, k = 0, len(rows) - 1
    while k >= 0 and rows[k].at > lines[last].at:
        visits += rows[k].kind == VISIT
        k -= 1
    return BrowsingFacts(float(visits))


# %% [markdown]
# ## Both agree
#
# At every customer and moment of the frame, to the bit. In the tests the same is asked on bases full of
# corrections, withdrawals and mergers, and that nothing hidden at `t` can move the fact.

# %%
loop = read_facts(histories, facts.places, facts.moments, (browsing,))
np.testing.assert_array_equal(loop.values, draft.values)
assert loop.names == draft.names
print(f"{len(loop.values):,} rows agree; {np.isnan(loop.values).sum()} are missing in both")
