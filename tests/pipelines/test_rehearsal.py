"""Rehearsals of a small world: lives that differ by their contacts alone, and guarantees that hold."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest

from decisions.holdout import is_held_out
from decisions.policy import Policy, read_policy
from features.reader import FactTable, visible_rows
from models.scorer import Scores
from pipelines.rehearsal import Arm, Course, rehearse_weeks
from pipelines.rehearsal_arm import ByPolicy, ByRisk, Reader, Terms, hours_of, places_of
from pipelines.rehearsal_base import people_in
from pipelines.rehearsal_fairness import fairness
from pipelines.rehearsal_guarantee import broken, ledger_of, made, most_in_days
from pipelines.rehearse import refuse_broken
from simulator import World, simulate
from simulator.future import begin, live, nothing_sent
from simulator.past import Past, past_of
from simulator.world import microseconds
from tables.checking import check_tables
from tables.contract import CONTACT_CHANNELS
from tables.history import Histories, read_histories
from tables.moment import DAY
from tables.offer import Offer, offers_at
from tables.refusal import Refused
from tables.sorting import write_histories

WEEKS = 3
WORLD = World(customers=300, weeks=52)


class Small(NamedTuple):
    past: Past
    base: Path
    histories: Histories
    offers: tuple[Offer, ...]
    people: Any

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(offer.offer_id for offer in WORLD.offers)


@pytest.fixture(scope="module")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> Small:
    folder = tmp_path_factory.mktemp("rehearsal")
    raw, base = folder / "raw", folder / "base"
    simulate(WORLD, raw)
    about = {
        "source": "simulator", "description": "test", "time_zone": WORLD.time_zone,
        "currency": WORLD.currency, "minor_units": 100, "counted": {}, "ends_at": WORLD.end.isoformat(),
    }  # fmt: skip
    (raw / "base.json").write_text(json.dumps(about))
    check_tables(raw, base / "tables", base / "refused", now=datetime.now(UTC))
    write_histories(base / "tables", base / "histories", buckets=1)
    histories = read_histories(base / "histories")
    past = past_of(WORLD, WEEKS)
    names = pa.array([f"c-{n:07d}" for n in past.people.number.tolist()])
    return Small(
        past, base, histories, offers_at(base / "tables", histories.last_at), people_in(histories, names)
    )


def made_scores(facts: FactTable, t: int, offers: tuple[Offer, ...]) -> Scores:
    """Who bought lately is promised more, and nothing is learnt from what happens."""
    rows, rng = len(facts.places), np.random.default_rng(4)
    lately = np.nan_to_num(facts.column("orders_91d"))
    uplift = rng.gamma(1.0, 400.0, (rows, len(offers))) * (1 + lately[:, None]) - 200
    return Scores(made_risk(rows), np.ones(rows), np.full((rows, len(offers)), 0.25), uplift)


def made_risk(customers: int) -> Any:
    return np.random.default_rng(5).random(customers)


def tight(root: Path, **changes: Any) -> Policy:
    """The shipped policy with little money, so that its limits bind."""
    plain = read_policy(root / "config/policy.yaml").model_dump()
    budgets = [{**each, "weekly": min(each["weekly"], 2_000)} for each in plain["budgets"]]
    return Policy.model_validate(plain | {"weekly_budget": 12_000, "budgets": budgets} | changes)


def arm_of(small: Small, policy: Policy) -> ByPolicy:
    terms = Terms(policy, small.offers, None, "simulator")
    return ByPolicy(Reader(small.people, terms, made_scores), small.ids)


def arms_of(decides: dict[str, Any]) -> dict[str, Arm]:
    cost = np.array([offer.cost for offer in WORLD.offers], float)
    reward = np.array([offer.reward for offer in WORLD.offers], float)
    return {name: Arm(each, cost, reward) for name, each in decides.items()}


@pytest.fixture(scope="module")
def courses(small_world: Small, root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Course]:
    policy = tight(root)
    by_risk = Reader(small_world.people, Terms(policy, small_world.offers, None, "simulator"), made_scores)
    decides = {
        "one": arm_of(small_world, policy),
        "again": arm_of(small_world, policy),
        "riskiest": ByRisk(by_risk, small_world.ids, lambda: 12_000.0),
        "nothing": None,
    }
    folder = tmp_path_factory.mktemp("courses")
    return rehearse_weeks(small_world.past, small_world.base, folder, arms_of(decides), WEEKS)


def test_the_same_policy_twice_makes_no_difference(courses: dict[str, Course]) -> None:
    np.testing.assert_array_equal(courses["one"].net, courses["again"].net)
    assert courses["one"].viewed == courses["again"].viewed
    assert (courses["one"].net != courses["nothing"].net).any()


def test_the_arm_without_contacts_is_the_world_left_alone(
    small_world: Small, courses: dict[str, Course]
) -> None:
    life = begin(small_world.past)
    weeks = range(WORLD.weeks, WORLD.weeks + WEEKS)
    alone = [live(small_world.past, life, week, nothing_sent()).margin for week in weeks]
    np.testing.assert_array_equal(courses["nothing"].net, alone)


def test_who_is_held_out_lives_as_if_nobody_was_contacted(
    small_world: Small, courses: dict[str, Course], root: Path
) -> None:
    holdout = tight(root).holdout
    ids = np.array([f"c-{n:07d}" for n in small_world.past.people.number.tolist()], dtype=object)
    t = microseconds(WORLD.moment(WORLD.weeks))
    held = is_held_out(ids, holdout.share, holdout.salt_at(t))
    assert held.sum() > 3
    np.testing.assert_array_equal(courses["one"].net[:, held], courses["nothing"].net[:, held])


def test_limits_caps_consents_and_the_holdout_are_kept(
    small_world: Small, courses: dict[str, Course], root: Path
) -> None:
    before = ledger_of(small_world.base / "tables", small_world.past)
    policy = tight(root)
    assert broken("one", policy, small_world.offers, small_world.past, before, courses["one"]) == []
    used = np.array(courses["one"].used)
    assert (used[:, 0] > 0.9 * 12_000).all()  # the budget binds, so that keeping it says something
    assert sum(each.is_sent.sum() for each in courses["riskiest"].sent) > 50


def test_most_contacts_within_days_are_those_of_a_plain_loop(
    small_world: Small, courses: dict[str, Course], root: Path
) -> None:
    before = ledger_of(small_world.base / "tables", small_world.past)
    own = made(small_world.past, courses["one"])
    every = [np.concatenate(pair) for pair in zip(before, own, strict=True)]
    for cap in tight(root).caps:
        most = 0
        for c, at in zip(own.customer.tolist(), own.at.tolist(), strict=True):
            mine = (every[0] == c) & (every[1] <= at) & (every[1] > at - cap.days * DAY)
            if cap.channels:
                mine &= np.isin(every[2], [CONTACT_CHANNELS.index(name) for name in cap.channels])
            if not cap.kinds and not cap.channels:
                most = max(most, int(mine.sum()))
        if not cap.kinds and not cap.channels:
            assert most_in_days(type(own)(*every), cap, since=len(before.at)) == most > 0


def test_every_broken_guarantee_is_named(small_world: Small, courses: dict[str, Course], root: Path) -> None:
    past, policy = small_world.past, tight(root)
    before = ledger_of(small_world.base / "tables", past)
    everybody = np.arange(len(past.people))
    at = past.calendar.day_starts[7 * past.week] + 9 * 3_600_000_000
    ones = np.ones(len(everybody), np.int64)
    sent = courses["one"].sent[0]
    all_sent = type(sent)(everybody, 0 * ones, 3 * ones, at * ones, ones > 0, ones.astype(float))
    wild = replace(
        courses["one"],
        sent=[all_sent] * 3,
        withdrew=[np.zeros(0, np.int64)] * 3,
        used=[courses["one"].used[0] + 1e6],
    )
    said = broken("wild", policy, small_world.offers, past, before, wild)
    for words in ("weekly_budget allows 12,000", "cap week: 3 contacts", "had not agreed", "of the holdout"):
        assert any(words in each for each in said), (words, said)


def test_a_broken_guarantee_is_refused_after_all_was_said() -> None:
    refuse_broken({"broken": []})
    with pytest.raises(Refused, match="cap week: 3 contacts"):
        refuse_broken({"broken": ["policy: cap week: 3 contacts in 7 days, 2 are allowed"]})


def test_what_a_week_brought_is_read_in_the_next(small_world: Small, courses: dict[str, Course]) -> None:
    histories = courses["one"].histories
    assert histories is not None
    end = small_world.past.calendar.moment(WORLD.weeks + WEEKS)
    t = int(end.timestamp()) * 1_000_000
    assert histories.last_at == t
    owner, rows = visible_rows(histories, "contacts", t, small_world.people)
    mine = rows["at"] >= int(WORLD.end.timestamp()) * 1_000_000
    counted = np.bincount(owner[mine], minlength=len(small_world.people))
    expected = np.zeros(len(small_world.people), int)
    for sent in courses["one"].sent:
        expected[sent.customer] += 1  # held-back ones are rows too
    np.testing.assert_array_equal(counted, expected)


def test_the_riskiest_come_first_until_the_money_is_spent(small_world: Small, root: Path) -> None:
    terms = Terms(tight(root), small_world.offers, None, "simulator")
    reader, t = Reader(small_world.people, terms, made_scores), small_world.histories.last_at
    few, all_ = (
        ByRisk(reader, small_world.ids, lambda money=money: money)(small_world.histories, t).sent  # type: ignore[misc]
        for money in (12_000.0, np.inf)
    )
    assert len(set(all_.offer.tolist())) == 1
    assert 10 < len(few.customer) < len(all_.customer)
    risk = made_risk(len(small_world.people))
    order = all_.customer[np.argsort(-risk[all_.customer])]
    assert set(few.customer.tolist()) == set(order[: len(few.customer)].tolist())


def test_an_offer_that_the_world_does_not_know_is_refused() -> None:
    with pytest.raises(Refused, match="o-own: the simulated world does not know"):
        places_of((Offer("o-own", "coupon", "x", 1, 1),), ("o-gift",))


def test_contacts_leave_when_quiet_hours_end(root: Path) -> None:
    policy = read_policy(root / "config/policy.yaml")
    assert set(hours_of(policy).tolist()) == {9 * 3_600_000_000}
    quiet = [{"begin": "07:00", "end": "10:30", "channels": ["sms"]}]
    other = Policy.model_validate(policy.model_dump() | {"quiet_hours": quiet, "slots": []})
    hours = dict(zip(CONTACT_CHANNELS, hours_of(other).tolist(), strict=True))
    assert hours["sms"] == 10.5 * 3_600_000_000
    assert hours["email"] == 8 * 3_600_000_000


def test_unequal_terms_are_named_and_equal_ones_are_not() -> None:
    rng = np.random.default_rng(2)
    region = np.repeat(np.array(["east", "west"], dtype=object), 2_000)
    stratum = rng.integers(0, 3, 4_000)
    reward = 100.0 * (1 + stratum) + rng.normal(0, 10, 4_000)
    alike = {"region": stratum}
    assert {each.verdict for each in fairness(reward, {"region": region}, alike, 0.05)} == {"within"}
    reward[region == "west"] *= 1.4
    west = next(each for each in fairness(reward, {"region": region}, alike, 0.05) if each.group == "west")
    assert west.verdict == "surely beyond"
    # Half of everybody has 40 % more: they are 1.4 / 1.2 of the mean.
    assert west.difference == pytest.approx(1.4 / 1.2 - 1, abs=0.02)


def test_the_command_rehearses_the_published_week(
    command: Callable[..., Any], home: Path, root: Path, tmp_path: Path
) -> None:
    policy = root / "config/policy.yaml"
    said = command("rehearse", "--policy", policy, "--weeks", "2", "--home", home, "--json")
    assert said.code == 0, said.err
    told = said.json
    assert told["broken"] == []
    # The published policy is this very file.
    assert told["ahead"]["published"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert told["arms"]["nothing"]["contacts"] == 0
    assert [len(arm["by_week"]) for arm in told["arms"].values()] == [2] * 4
    page = Path(told["page"]).read_text(encoding="utf-8")
    assert "//" not in page.replace("<!DOCTYPE", "")
    body = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))
    assert len(list(body.iter("svg"))) == 6
    assert any("预演" in "".join(each.itertext()) for each in body.iter("h1"))


def test_a_base_that_was_not_simulated_is_refused_with_what_to_run(
    command: Callable[..., Any], home: Path, root: Path
) -> None:
    (world,) = (home / "incoming").glob("*/truth/world.json")
    world.unlink()
    said = command("rehearse", "--policy", root / "config/policy.yaml", "--home", home)
    assert said.code == 1
    assert "holdfast simulate" in said.err.replace("\n", " ")
