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
# # Train and compare
#
# Two set-ups, one question: what do the tables of the loyalty programme and of marketing add to those of the
# till? Both are trained by the code of `holdfast train`, judged on the same held-out time and customers, and
# compared with paired intervals, by month and by slice. Exchange the set-ups for whatever you want to know.

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd

from features.catalogue import FAMILIES
from models.churn import train_customer_models
from models.frame import build_frame, training_moments
from models.pairing import gains
from models.question import Question
from models.stability import stability_of
from models.topic import TOPICS
from pipelines.check import check
from pipelines.simulate import simulate
from pipelines.tracking import track_trial
from releases.home import Home
from tables.history import read_histories

# %matplotlib inline
home = Home(Path(tempfile.mkdtemp()) / "home")  # or the home of a base of yours, checked before
simulate(home, customers=800, seed=3, weeks=91)
check(home, share=0.01)
histories = read_histories(home.current_base() / "histories")
zone = histories.time_zone

# %% [markdown]
# ## Two set-ups
#
# A set-up is a frame: facts and labels at past moments. Training ends a whole horizon before the first test
# moment, and one customer in five is never trained on.

# %%
question = Question(horizon_days=91)
moments = training_moments(histories, question, histories.last_at, test_months=2)
everything = build_frame(histories, question, moments, margin_rate=0.3)
till = [fact.name for family in FAMILIES if family.owner == "commerce" for fact in family.facts]
frames = {"till": replace(everything, facts=everything.facts.only(till)), "everything": everything}
trained = {name: train_customer_models(frame, moments, question, zone) for name, frame in frames.items()}
pd.DataFrame(
    {
        name: {"facts": len(models.names)}
        | {metric: str(figure) for metric, figure in models.evaluation.headline["model"].items()}
        for name, models in trained.items()
    }
).T

# %% [markdown]
# ## Compared
#
# What `everything` gains over `till`. Where an interval holds zero, the data cannot tell them apart there.

# %%
ours, theirs = (trained[name].predictions["model"] for name in ("everything", "till"))
found = gains(everything.at(moments.test), question, ours, theirs, zone)
pd.DataFrame({part: {metric: str(gain) for metric, gain in each.items()} for part, each in found.items()}).T

# %%
names = list(found)[::-1]
value = np.array([found[name]["auc"].value for name in names])
reach = np.array([[found[name]["auc"].low, found[name]["auc"].high] for name in names]).T
figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
axes.errorbar(value, names, xerr=np.abs(reach - value), fmt="o", capsize=3)
axes.axvline(0, color="grey", linewidth=1, linestyle="--")
axes.set(xlabel="AUC gained (95 % interval, paired)", title="Everything over the till alone")
plt.show()

# %% [markdown]
# ## What each leans on, and how firmly
#
# Mean |SHAP| by topic on customers that no training saw, over models that each saw other customers.

# %%
firmness = {}
for name, models in trained.items():
    test = models.test.rows(models.test.unseen)
    firmness[name] = stability_of(models.folds, test.facts.values, test.facts.places, models.names)
words = {topic.name: f"{topic.english} {topic.chinese}" for topic in TOPICS}
print({name: f"Kendall's tau of topics {each.tau_topics}" for name, each in firmness.items()})
pd.DataFrame(
    {
        name: {words[topic]: str(each.topics[topic]) for topic in each.topics}
        for name, each in firmness.items()
    }
).loc[[words[topic] for topic in list(firmness["everything"].topics)[:8]]].fillna("")

# %% [markdown]
# ## Side by side in MLflow
#
# Figures and plots under the names that `holdfast train` gives them: `mlflow ui`, experiment *train and
# compare*, tick both runs, *Compare*. What is worth keeping becomes the defaults of the job; promotion is
# `holdfast promote`.

# %%
for name, models in trained.items():
    track_trial(name, models, frames[name], question, "train and compare", set_up=name)
runs = mlflow.search_runs(experiment_names=["train and compare"])
runs[
    ["tags.mlflow.runName", "params.facts", "metrics.churn.headline.model.auc.value",
     "metrics.churn.headline.model.brier.value"]
]  # fmt: skip
