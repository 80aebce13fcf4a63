"""Plots of what a plan is worth."""

from typing import Any

import matplotlib.pyplot as plt


def curve_plot(result: dict[str, Any]) -> Any:
    """Expected net value against the scale of a limit, with what no choice could exceed."""
    money, points = result["money"], result["curve"]
    scale = [point["scale"] for point in points]
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for name, style in (("most", "--"), ("value", "o-")):
        axes.plot(
            scale,
            [point[name] / money["minor_units"] for point in points],
            style,
            color="grey" if name == "most" else "C0",
            linewidth=1 if name == "most" else 2,
            label="no choice is worth more" if name == "most" else "the choice found",
        )
    axes.axvline(1.0, color="black", linewidth=0.8, linestyle=":")
    axes.annotate(
        "now", (1.0, 0.02), xycoords=("data", "axes fraction"), xytext=(4, 0), textcoords="offset points"
    )
    axes.set(
        xlabel=f"bound of {result['limit']}, times",
        ylabel=f"expected net value of the week, {money['currency']}",
        title=f"What {result['limit']} is worth",
        xlim=(0, None),
        ylim=(0, None),
    )
    axes.legend(loc="lower right")
    return figure
