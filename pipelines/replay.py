"""`holdfast replay ID`: a decision made again, with what it was made with, and compared to the bit."""

from pathlib import Path
from typing import Any

import numpy as np

from decisions.assess import assess
from decisions.choice import choose, free_market
from pipelines.terminal import grid
from releases.bundle import read_bundle
from releases.customer_key import CustomerKeys
from releases.decision import PRICE, Decision, Setting, counted_at, decided, decided_at, market_at
from releases.decision_archive import find
from releases.decision_record import about_customer, decision_of
from releases.event_history import read_event_histories
from releases.home import Home
from releases.policy import read_frozen_policy
from releases.reservation import reserved_of
from releases.week import read_week_about
from tables.moment import from_micros
from tables.refusal import Refused

SAME, DIFFERENT, UNABLE = 0, 1, 2
CURRENT = "current"
CONSIDERED = ("offer", "channel", "why", "net_value", "cost")


def replay(home: Home, decision_id: str, base: str | None) -> dict[str, Any]:
    """What is not the same, by name. base: the histories to read instead of the decision's own.

    Raises Refused when the decision is not found, its customer was erased, or what it was made with is gone.
    """
    found = find(home, decision_id)
    keys = CustomerKeys(home.decisions, home.key())
    try:
        before = decision_of(found.body, keys)
    finally:
        keys.close()
    again, prices = _again(home, before, base)
    differences = _differences(before, again, prices)
    setting = before.setting
    return {
        "decision_id": decision_id,
        "record": {"writer": found.writer, "segment": found.segment, "record": found.record},
        "decided_at": from_micros(decided_at(decision_id)).isoformat(),
        "moment": from_micros(setting.moment).isoformat(),
        "bundle": setting.bundle,
        "policy": setting.policy,
        "week": setting.week,
        "base": again.setting.base,
        "circumstances": dict(setting.circumstances),
        "propensity": before.propensity,
        "customer_id": before.customer_id,
        "chosen": before.chosen or None,
        "same": not differences,
        "differences": differences,
    }


def _again(home: Home, before: Decision, base: str | None) -> tuple[Decision, dict[str, float]]:
    """The decision made again, and the prices of its week."""
    setting, key = before.setting, home.key()
    bundle = read_bundle(_kept(home.bundles, setting.bundle), key)
    frozen = read_frozen_policy(_kept(home.policies, setting.policy), key)
    week = read_week_about(_kept(home.weeks, setting.week), key)
    folder = home.current_base() if base == CURRENT else _kept(home.bases, base or setting.base)
    histories = read_event_histories(home, folder).snapshot([before.customer_id], setting.events)
    if histories.places[0] < 0:
        raise Refused(f"{folder}: does not know {before.customer_id!r}; read the decision's own base")
    t, circumstances = setting.moment, setting.circumstances
    policy = frozen.policy
    assessed = assess(histories, histories.places, t, bundle.scorer, bundle.question, frozen.offers, policy)
    contacts, is_given = counted_at(circumstances, policy)
    choices = choose(
        assessed.scores,
        frozen.offers,
        assessed.who.also_contacted(contacts),
        assessed.standing.segments(policy, frozen.frozen),
        policy,
        t,
        market_at(circumstances, free_market(policy, frozen.offers)),
        reserved_of(home.weeks / setting.week, frozen, [before.customer_id])
        .at(np.zeros(1, np.int64))
        .without(is_given),
    )
    with_what = Setting(bundle.name, frozen.name, setting.week, folder.name, t, circumstances, setting.events)
    (again,) = decided([before.decision_id], [with_what], frozen.offers, assessed, choices)
    return again, {PRICE.format(limit.name): limit.price for limit in week.limits}


def _kept(shelf: Path, name: str) -> Path:
    if not name or not (shelf / name).is_dir():
        raise Refused(
            f"{shelf / name}: the decision was made with it, and it was pruned since (config/home.yaml says "
            "how long things are kept); put it back from a copy"
            + (", or read another base with --base current" if shelf.name == "bases" else "")
        )
    return shelf / name


def _differences(before: Decision, again: Decision, prices: dict[str, float]) -> list[dict[str, Any]]:
    """Everything that is not the same to the bit: name, what was, what is now."""
    was, now = _flat(before), _flat(again)
    circumstances = before.setting.circumstances
    pairs = [(name, was.get(name), now.get(name)) for name in {**was, **now}]
    pairs += [(name, circumstances[name].hex(), price.hex()) for name, price in prices.items()]
    return [
        {"what": name, "was": _readable(old), "now": _readable(new)} for name, old, new in pairs if old != new
    ]


def _flat(decision: Decision) -> dict[str, Any]:
    about = {n: each for n, each in about_customer(decision).items() if n not in ("scores", "considered")}
    offers = [each.offer for each in decision.considered]
    for name, part in decision.scores.items():
        names = [name] if len(part) == 1 else [f"{name} of {each}" for each in offers]
        about |= {said: each.hex() for said, each in zip(names, part, strict=True)}
    for offer, *words, net_value, cost in decision.considered:
        values = (*words, net_value.hex(), cost.hex())
        about |= {f"{what} of {offer}": value for what, value in zip(CONSIDERED[1:], values, strict=True)}
    return {**about, "propensity": decision.propensity.hex()}


def _readable(value: Any) -> Any:
    """A number of the record's hexadecimal as a number; the rest as it is."""
    if isinstance(value, str) and (value in ("nan", "inf", "-inf") or value.lstrip("-").startswith("0x")):
        return float.fromhex(value)
    return value


def render(said: dict[str, Any]) -> list[Any]:
    made = f"{said['customer_id']} as of {said['moment']}, decided at {said['decided_at']}"
    chose = f"it chose {said['chosen'] or 'nothing'} with a propensity of {said['propensity']:g}"
    if said["same"]:
        return [made, chose, "Made again, it comes out the same."]
    rows = [[each["what"], str(each["was"]), str(each["now"])] for each in said["differences"]]
    return [made, chose, grid("Made again, it comes out different", ["what", "was", "is now"], rows)]
