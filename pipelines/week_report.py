"""What `holdfast score` says of the week it published."""

from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.stopwatch import stage_rows
from pipelines.tally import Tally
from pipelines.terminal import grid
from releases.week import WeekAbout
from tables.history import Histories
from tables.moment import in_zone

Floats = npt.NDArray[np.float64]


def summary(
    histories: Histories, about: WeekAbout, tally: Tally, churn: Floats, value: Floats, net: Floats
) -> dict[str, Any]:
    """churn, value: of everybody, nan outside the base; net: of those given an offer."""
    return {
        "moment": in_zone(about.moment, histories.time_zone).isoformat(),
        "bundle": about.bundle,
        "policy": about.policy,
        "customers": about.customers,
        "status": dict(sorted(tally.status.items())),
        "mean_churn_probability": float(np.nanmean(churn)),
        "expected_value": float(np.nansum(value)),
        "offers_given": len(net),
        "expected_net_value_of_offers": float(net.sum()),
        "limits": [asdict(limit) for limit in about.limits],
        "plan_gap": about.gap,
        "held_out": tally.held_out,
        "money": {"currency": about.currency, "minor_units": about.minor_units},
    }


def render(result: dict[str, Any]) -> list[Any]:
    money = result["money"]

    def amount(minor: float) -> str:
        return f"{minor / money['minor_units']:,.2f} {money['currency']}"

    rows: list[list[Any]] = [["customers", result["customers"]]]
    rows += [[f"  {status}", count] for status, count in result["status"].items()]
    rows += [
        ["mean churn probability", f"{result['mean_churn_probability']:.1%}"],
        ["expected value over the horizon", amount(result["expected_value"])],
        ["customers given an offer", result["offers_given"]],
        ["expected net value of offers", amount(result["expected_net_value_of_offers"])],
        ["held out", result["held_out"]],
    ]
    kept, own = result["kept"], result["peak_own_memory_mb"]
    return [
        grid(f"Week as of {result['moment']}", ["figure", "value"], rows),
        grid("Limits", ["limit", "bound", "used", "worth of one more"], _limits(result["limits"])),
        grid("What it took", ["stage", "seconds", "rows/s"], stage_rows(result)),
        f"Memory at most {result['peak_memory_mb']:,} MB"
        + (f", {own:,} MB without mapped files" if own else ""),
        f"Kept: {kept['weeks']} weeks, {kept['disk_bytes'] / 1e9:,.2f} GB"
        + (f"; removed {', '.join(kept['removed'])}" if kept["removed"] else ""),
        f"Statistics of the base: as of {result['statistics']['as_of']}, of "
        f"{result['statistics']['customers']:,} customers"
        + (", taken anew" if result["statistics"]["taken_anew"] else ""),
        f"Published week {result['week']}: {result['path']}/scores",
        f"Watch: {result['watch']['summary']}; holdfast watch says more",
        *(_shadow(result["shadow"]) if "shadow" in result else ()),
    ]


def _limits(limits: list[dict[str, Any]]) -> list[list[Any]]:
    return [
        [each["name"], f"{each['bound']:,.0f}", f"{each['used']:,.0f}", f"{each['price']:,.3g}"]
        for each in limits
    ]


def _shadow(said: dict[str, Any]) -> list[str]:
    if "says" in said:
        return [f"Shadow: version {said['version']} was not kept: {said['says']}"]
    return [
        f"Shadow: version {said['version']} would have chosen the same for {said['same_choice']:.1%}; "
        "holdfast shadow says more once the outcomes are known"
    ]
