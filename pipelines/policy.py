"""`holdfast policy check`: what stands in the policy and cannot be meant, with line, severity and words."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from decisions.offer_list import OfferList, read_offers
from decisions.policy import Policy, read_policy
from decisions.policy_check import remarks
from decisions.remark import VALUE_DAYS, Base, Remark
from decisions.setting import Lines, validated
from features.consent import consent
from features.reader import read_facts
from models.frame import base_at, value_over
from models.question import Question
from pipelines.as_of import open_base
from pipelines.configuration import configuration
from releases.home import Home
from tables.contract import CONTACT_CHANNELS
from tables.history import Histories
from tables.moment import DAY
from tables.offer import Offer, offers_at
from tables.refusal import Refused
from tables.sealed import pointed

Floats = npt.NDArray[np.float64]
POLICY = "policy.yaml"
OFFERS = "offers.yaml"
LEVELS = ("error", "warning", "note")


def check(home: Home, path: Path | None) -> dict[str, Any]:
    """Read a policy (by default the configuration's) critically, against the home's base if it has one.

    Raises Refused with the lines of everything that no policy may hold.
    """
    path = path or configuration() / POLICY
    policy = read_policy(path)
    base, offers = _base(home, policy)
    own = configuration() / OFFERS
    offers = read_offers(own, offers, base.zone if base else "UTC")
    found = remarks(policy, offers, base)
    lines, offer_lines = Lines(path), Lines(own)
    places = {each.offer_id: k for k, each in enumerate(validated(OfferList, own).offers)}
    told = [_told(each, lines, offer_lines, places) for each in found]
    return {
        "policy": str(path),
        "name": policy.name,
        "base": base is not None,
        "offers": len(offers),
        "plans": len(policy.plans()),
        "findings": told,
        **{f"{level}s": sum(each.severity == level for each in found) for level in LEVELS},
    }


def refuse_errors(result: dict[str, Any]) -> None:
    """For those who look at the exit code only; raises Refused."""
    if result["errors"]:
        raise Refused(f"{result['policy']}: {result['errors']} errors; see the findings above")


def render(result: dict[str, Any]) -> list[Any]:
    parts = [f"{_place(each)}: {each['severity']}: {each['says']}" for each in result["findings"]]
    read = f"{result['offers']} offers" + ("" if result["base"] else "; no base to hold it against")
    said = ", ".join(f"{result[f'{level}s']} {level}s" for level in LEVELS)
    return [*parts, f"{result['name']}: {said}; {result['plans']} plans, {read}"]


def _place(finding: dict[str, Any]) -> str:
    return finding["file"] if finding["line"] is None else f"{finding['file']}:{finding['line']}"


def _base(home: Home, policy: Policy) -> tuple[Base | None, tuple[Offer, ...]]:
    if pointed(home.bases) is None:
        return None, ()
    folder, histories = open_base(home)
    t = histories.last_at
    brought = _brought(histories, t, policy)
    base = Base(
        moment=t,
        zone=histories.time_zone,
        currency=histories.currency,
        minor_units=histories.minor_units,
        customers=len(histories),
        reachable=_reachable(histories, t),
        valued=len(brought),
        spread=float(brought.std()) if len(brought) else 0.0,
    )
    return base, offers_at(folder / "tables", t)


def _brought(histories: Histories, t: int, policy: Policy) -> Floats:
    """What the customers of the base of VALUE_DAYS ago brought since, minor units; of nobody where the data
    is younger."""
    before = t - VALUE_DAYS * DAY
    if before <= histories.first_at:
        return np.empty(0)
    places = base_at(histories, Question(), before)
    return value_over(histories, places, np.full(len(places), t), VALUE_DAYS, policy.margin_rate)


def _reachable(histories: Histories, t: int) -> dict[str, int] | None:
    """How many customers consent to each channel."""
    bits = read_facts(histories, np.arange(len(histories)), t, (consent,)).values[:, 0]
    if np.isnan(bits).all():
        return None
    known = bits[~np.isnan(bits)].astype(np.int64)
    return {name: int((known >> k & 1).sum()) for k, name in enumerate(CONTACT_CHANNELS)}


def _told(remark: Remark, lines: Lines, offer_lines: Lines, places: dict[Any, int]) -> dict[str, Any]:
    file: str = str(lines.path)
    line: int | None = None
    if remark.where[:1] != ("offers",):
        line = lines.line(remark.where)
    elif remark.where[1] in places:
        file, line = str(offer_lines.path), offer_lines.line(("offers", places[remark.where[1]]))
    else:
        file = "the base's offers"
    return {"file": file, "line": line, "severity": remark.severity, "says": remark.says}
