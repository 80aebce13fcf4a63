"""`holdfast policy what-if`: what the week's choice would be worth with more or less of a limit."""

from pathlib import Path
from typing import Any

import numpy as np

from decisions.arbitration import Block
from decisions.choice import free_market
from decisions.freezing import freeze, frozen_for
from decisions.offer_list import read_offers
from decisions.option import options
from decisions.policy import read_policy
from decisions.what_if import Point, curve
from pipelines.as_of import source_of
from pipelines.configuration import configuration
from pipelines.policy import OFFERS, POLICY
from pipelines.policy_base import published_statistics, read_everybody, subject
from pipelines.terminal import bar, grid
from releases.bundle import read_bundle
from releases.home import Home
from tables.moment import in_zone
from tables.offer import offers_at
from tables.refusal import Refused

SCALES = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
THREADS = 2


def what_if(home: Home, path: Path | None, limit: str | None, plot: Path | None) -> dict[str, Any]:
    """Of the published week's base, moment and models. limit: the one that is scaled; without it all that
    forbid something are. Raises Refused without a bundle: then nothing is known of what offers add."""
    policy = read_policy(path or configuration() / POLICY)
    folder, histories, t, name = subject(home)
    if not name:
        raise Refused(
            "no bundle is published, so nothing is known of what offers add; run `holdfast promote`"
        )
    bundle = read_bundle(home.bundles / name, home.key())
    offers = read_offers(configuration() / OFFERS, offers_at(folder / "tables", t), histories.time_zone)
    everybody = read_everybody(histories, t, [policy], offers, bundle)
    (standing,), (who,) = everybody.standings, everybody.circumstances
    assert everybody.scores is not None
    source = source_of(folder)
    frozen = frozen_for(policy, published_statistics(home), source)
    frozen = frozen or freeze(policy, standing.known, standing.stage, t, source)
    may = options(everybody.scores, offers, who, standing.segments(policy, frozen), policy, t)
    allowed = np.where(who.held_out[:, None], np.uint8(0), may.allowed)
    block, market = Block(may.uplift, may.response, allowed), free_market(policy, offers)
    with bar("solving at each scale") as progress:
        points = curve(
            [block],
            market.terms,
            market.limits,
            policy.minimum_net_value,
            SCALES,
            names=(limit,) if limit else (),
            threads=THREADS,
            progress=progress,
        )
    result = _told(points, market.limits.names, market.limits.bounds.tolist(), limit)
    result |= {
        "moment": in_zone(t, histories.time_zone).isoformat(),
        "customers": len(histories),
        "money": {"currency": histories.currency, "minor_units": histories.minor_units},
    }
    if plot:
        from pipelines.drawing_plan import curve_plot  # noqa: PLC0415 (Matplotlib takes a second to import)

        curve_plot(result).savefig(plot, dpi=120)
        result["plot"] = str(plot)
    return result


def _told(
    points: tuple[Point, ...], names: tuple[str, ...], bounds: list[float], limit: str | None
) -> dict[str, Any]:
    now = next(point for point in points if point.scale == 1.0)
    return {
        "limit": limit or "all limits",
        "curve": [
            {"scale": point.scale, "value": point.value, "most": point.bound, "of_now": _share(point, now)}
            for point in points
        ],
        "limits": [
            {"name": name, "bound": bound, "worth_of_one_more": float(price)}
            for name, bound, price in sorted(
                zip(names, bounds, now.prices.tolist(), strict=True), key=lambda each: -each[2]
            )
        ],
    }


def _share(point: Point, now: Point) -> float | None:
    return point.value / now.value if now.value else None


def render(result: dict[str, Any]) -> list[Any]:
    money = result["money"]

    def amount(minor: float) -> str:
        return f"{minor / money['minor_units']:,.2f} {money['currency']}"

    rows = [
        [f"x {each['scale']:g}", amount(each["value"]), f"{each['of_now']:.1%}" if each["of_now"] else ""]
        for each in result["curve"]
    ]
    limits = [
        [each["name"], f"{each['bound']:,.0f}", f"{each['worth_of_one_more']:,.3g}"]
        for each in result["limits"]
    ]
    said = [f"{result['customers']:,} customers as of {result['moment'][:10]}"]
    return [
        grid(f"Net value against {result['limit']}", ["bound", "expected net value", "of now"], rows),
        grid("Worth of one more unit, minor units of net value", ["limit", "bound", "worth"], limits),
        *said,
        *([f"Plot: {result['plot']}"] if "plot" in result else []),
    ]
