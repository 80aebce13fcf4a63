"""Plots of a churn model on held-out time."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from models.churn import CustomerModels
from models.metric import BINS
from models.outcome import NORMAL_95
from models.scorer import Scorer
from models.stability import Stability
from models.topic import TOPICS

MOST_POINTS = 2000
MOST_BARS = 22


def calibration_plot(customer: CustomerModels) -> Any:
    """What was promised against what happened, in ten equal groups, with binomial 95 % intervals."""
    predicted, happened = _latest(customer)
    groups = np.array_split(np.argsort(predicted), BINS)
    promised = np.array([predicted[group].mean() for group in groups])
    actual = np.array([happened[group].mean() for group in groups])
    error = NORMAL_95 * np.sqrt(actual * (1 - actual) / np.array([len(group) for group in groups]))
    figure, axes = plt.subplots(figsize=(5.5, 5), layout="constrained")
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--", label="a promise kept exactly")
    axes.errorbar(promised, actual, yerr=error, marker="o", capsize=3, label="tenths of the base")
    axes.set(
        xlabel="predicted probability of churn",
        ylabel="share that churned",
        title="Calibration on held-out time",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    axes.legend()
    return figure


def gain_plot(customer: CustomerModels) -> Any:
    """How many of the leavers are found by contacting the riskiest share of the base."""
    _, happened = _latest(customer)
    latest = customer.test.facts.moments == customer.test.facts.moments.max()
    share = np.linspace(0, 1, len(happened) + 1)
    figure, axes = plt.subplots(figsize=(5.5, 5), layout="constrained")
    for name, predicted in customer.predictions.items():
        order = np.argsort(-predicted[latest], kind="stable")
        found = np.r_[0, np.cumsum(happened[order])] / happened.sum()
        axes.plot(share, found, label=name, linewidth=2 if name == "model" else 1)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--", label="at random")
    axes.set(
        xlabel="share of customers contacted, riskiest first",
        ylabel="share of leavers among them",
        title="Gain on held-out time",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    axes.legend()
    return figure


def shap_plot(scorer: Scorer, customer: CustomerModels) -> Any:
    """Which facts move the risk, and which way."""
    import shap  # noqa: PLC0415 its import takes as long as MLflow's, and not everybody draws this one

    latest = np.flatnonzero(customer.test.facts.moments == customer.test.facts.moments.max())
    rows = np.random.default_rng(1).permutation(latest)[:MOST_POINTS]
    values = customer.test.facts.values[rows]
    explanation = shap.Explanation(
        scorer.contributions(values, scorer.names), data=values, feature_names=list(scorer.names)
    )
    figure = plt.figure(layout="constrained")  # beeswarm draws on whatever figure is the current one
    shap.plots.beeswarm(explanation, max_display=15, show=False, plot_size=(9, 6))
    figure.axes[0].set_title("What moves the log-odds of churn")
    return figure


def importance_plot(stability: dict[str, Stability]) -> Any:
    """Which topics and facts the model leans on, and what retrainings on other customers make of it."""
    first, later = stability["other_customers"], stability["later_moments"]
    words = {topic.name: topic.english for topic in TOPICS}
    figure, sides = plt.subplots(1, 2, figsize=(13, 6.5), layout="constrained")
    for axes, what, figures in zip(sides, ("topic", "fact"), (first.topics, first.facts), strict=True):
        shown = list(figures.items())[:MOST_BARS][::-1]
        value = np.array([each.value for _, each in shown])
        reach = np.array([[each.low, each.high] for _, each in shown])
        error = np.abs(reach.T - value)
        labels = [words.get(name, name) if what == "topic" else name for name, _ in shown]
        axes.barh(labels, value, xerr=error, color="tab:blue", ecolor="black", capsize=2)
        axes.set(xlabel="mean |SHAP|, log-odds", title=f"By {what}")
    figure.suptitle(
        "What the churn model leans on, on held-out customers\n"
        f"Kendall's tau of topics: {first.tau_topics} on other customers, "
        f"{later.tau_topics} at later moments; "
        f"of the ten strongest facts stay {first.kept_facts} and {later.kept_facts}",
        fontsize=10,
    )
    return figure


def affinity_plot(ranking: dict[str, Any]) -> Any:
    """NDCG@10 of each ranker, of all items, those bought before, and new ones."""
    figure, sides = plt.subplots(
        1, len(ranking), figsize=(4 * len(ranking), 3.2), layout="constrained", squeeze=False
    )
    for axes, (part, by_metric) in zip(sides[0], ranking.items(), strict=True):
        figures = by_metric["ndcg_at_10"]
        names = list(figures)[::-1]
        value = np.array([figures[name].value for name in names])
        reach = np.array([[figures[name].low, figures[name].high] for name in names]).T
        colors = ["tab:blue" if name == next(iter(figures)) else "lightgrey" for name in names]
        axes.barh(names, value, xerr=np.abs(reach - value), color=colors, ecolor="black", capsize=3)
        axes.set(xlabel="NDCG@10 (95 % interval)", title=f"Items: {part}", xlim=(0, None))
    figure.suptitle("What is bought next, on held-out time")
    return figure


def _latest(customer: CustomerModels) -> tuple[Any, Any]:
    latest = customer.test.facts.moments == customer.test.facts.moments.max()
    return customer.predictions["model"][latest], customer.test.churned[latest]
