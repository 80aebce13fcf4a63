"""`holdfast policy stability`: whether customers keep their tiers and classes."""

from pathlib import Path
from typing import Any

from decisions import stability as report
from decisions.policy import read_policy
from pipelines.configuration import configuration
from pipelines.policy import POLICY
from pipelines.policy_base import read_everybody, subject
from pipelines.terminal import grid
from releases.bundle import read_bundle
from releases.home import Home
from tables.moment import DAY, in_zone


def stability(home: Home, path: Path | None, days: int, draws: int) -> dict[str, Any]:
    """The base of the published week (or the current one) against itself drawn anew, and some days before."""
    policy = read_policy(path or configuration() / POLICY)
    _, histories, t, name = subject(home)
    bundle = read_bundle(home.bundles / name, home.key()) if name else None
    seen = [read_everybody(histories, at, [policy], (), bundle) for at in (t, t - days * DAY)]
    now, before = ((each.standings[0].known, each.standings[0].stage) for each in seen)
    found = report.stability(policy, now, before, t, draws=draws)
    return {
        "moment": in_zone(t, histories.time_zone).isoformat(),
        "days": days,
        "draws": draws,
        "customers": len(histories),
        "scores": bundle is not None,
        "segments": [each._asdict() for each in found],
    }


def render(result: dict[str, Any]) -> list[Any]:
    rows = [
        [
            each["name"],
            f"{each['resampled'].rand:.3f} ({each['worst']:.3f})",
            f"{each['resampled'].changed:.1%}",
            f"{each['week'].rand:.3f}",
            f"{each['week'].changed:.1%}",
            each["week"].customers,
        ]
        for each in result["segments"]
    ]
    days = result["days"]
    header = [
        "",
        "Rand, drawn anew (worst)",
        "changed",
        f"Rand, {days} days",
        f"changed in {days} days",
        "customers",
    ]
    parts: list[Any] = [grid("How stable segments are", header, rows)]
    return parts if result["scores"] else [*parts, "no bundle is published: churn and value are not known"]
