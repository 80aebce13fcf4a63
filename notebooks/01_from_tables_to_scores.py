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
# # From tables to scores
#
# The whole way on a small simulated world, with exactly the code that `holdfast` runs in production:
# tables, histories, facts as of a moment, a churn model judged on held-out time, and one customer's
# score with its reasons. Nothing is defined here that a job also needs.

# %%
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from features.catalogue import FAMILIES
from features.reader import facts_of, read_facts
from models.churn import train_customer_models
from models.explainer import Explainer
from models.frame import build_frame, training_moments
from models.question import Question
from models.reason import Money, reasons, strongest
from pipelines.check import check
from pipelines.simulate import simulate
from releases.home import Home
from tables.history import read_histories
from tables.moment import DAY, local_day

home = Home(Path(tempfile.mkdtemp()) / "home")
simulated = simulate(home, customers=2_000, seed=1, weeks=104)
pd.Series(simulated["rows"], name="rows").to_frame()

# %% [markdown]
# ## Check and sort
#
# Every row is held against the contract (`src/tables/contract.py`); what holds is sorted into histories:
# one customer's events, by time, as fixed-width records in memory-mapped files.

# %%
report = check(home, share=0.01)
histories = read_histories(home.current_base() / "histories")
print(f"{len(histories):,} customers, {histories.rows['transactions']:,} order lines")
pd.DataFrame(report["tables"]).T[["rows", "hold", "refused", "repeated"]]

# %% [markdown]
# ## A fact is a function of one customer's history and a moment
#
# `read_facts` reads all families for one customer, for everyone, or for many moments; it is the same
# compiled function, so the answers are equal to the bit. What is not visible at the moment is taken away
# before a family sees it.

# %%
t = histories.last_at
everyone = read_facts(histories, np.arange(len(histories)), t)
place = int(np.argmax(everyone.column("orders_364d")))
one = read_facts(histories, np.array([place]), t)
assert np.array_equal(everyone.values[place], one.values[0], equal_nan=True)
words = {fact.name: (fact.fact.meaning, fact.fact.chinese) for fact in facts_of(FAMILIES)}
pd.DataFrame(
    [(name, value, *words[name]) for name, value in zip(one.names, one.values[0], strict=True)],
    columns=["fact", "value", "meaning", "含义"],
).iloc[[0, 2, 7, 19, 25, 60, 120, 200]]

# %% [markdown]
# ## A question, and the frame that answers it
#
# Facts at many past moments, and as the label a fact read at the end of the horizon: no order in the last
# 91 days, as of t + 91 days. Training ends a whole horizon before the first test moment.

# %%
question = Question(horizon_days=91)
moments = training_moments(histories, question, t, test_months=1)
frame = build_frame(histories, question, moments, margin_rate=0.3)
every = (*moments.train, *moments.test)
pd.DataFrame(
    {
        "moment": [local_day(each, histories.time_zone) for each in every],
        "labels known": [local_day(each + 91 * DAY, histories.time_zone) for each in every],
        "for": ["training"] * len(moments.train) + ["test"] * len(moments.test),
        "customers": [len(frame.at((each,))) for each in every],
        "churned": [frame.at((each,)).churned.mean() for each in every],
    }
)

# %% [markdown]
# ## Train, and judge on time and customers the model has not seen

# %%
models = train_customer_models(frame, moments, question, histories.time_zone)
pd.DataFrame(
    {
        model: {metric: str(figure) for metric, figure in figures.items()}
        for model, figures in models.evaluation.headline.items()
    }
)

# %%
models.evaluation.ahead

# %% [markdown]
# ## One customer's reasons, in words
#
# Exact SHAP values; the windows of one quantity speak together.

# %%
names = models.names
row = one.values
shap = Explainer(models.published.churn)(row)
said = reasons(strongest(shap, names), row, names, Money(histories.currency, histories.minor_units))
for reason in said[0]:
    print(f"{reason.effect:+.2f}  {reason.english}\n       {reason.chinese}")
