"""Decisions that count: nothing is given beyond the week's remainder, twice, or when nobody can check."""

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import redis
from asking import ask, ask_all

from decisions.choice import NOTHING, Reserved
from decisions.reach import Cap
from pipelines.replay import replay
from releases.counter import MICRO, contacts_of, millionths_left
from releases.home import Home
from releases.reservation import remainder_of
from serving.counter import FILE, Counter
from serving.served import Served, Window
from tables.moment import DAY, from_micros


@pytest.fixture(scope="module")
def loaded(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Window:
    folder = tmp_path_factory.mktemp("live") / "home"
    apart = shutil.ignore_patterns("decisions", "counters", "counting")
    window = Window(Home(shutil.copytree(published, folder, ignore=apart)))
    window.look()
    return window


@pytest.fixture
def window(loaded: Window) -> Iterator[Window]:
    """What is served is loaded once; each test counts anew."""
    own = Window(loaded.home)
    own.served = loaded.served
    yield own
    own.stop()
    _forget(own)


def _forget(window: Window) -> None:
    home = window.home
    shutil.rmtree(home.decisions, ignore_errors=True)
    shutil.rmtree(home.counters, ignore_errors=True)
    for file in (home.counters, home.decisions):
        file.unlink(missing_ok=True)
    home.counting.unlink(missing_ok=True)


@pytest.fixture
def now(window: Window) -> Served:
    assert window.served
    return window.served


def offers(response: httpx.Response) -> list[Any]:
    assert response.status_code == 200, response.text
    return list(response.json()["customers"])


def reserved_ids(now: Served) -> list[str]:
    return [str(each) for each in now.histories.ids[now.reserved.offer != NOTHING]]


def with_left(window: Window, left: float, *, reserved: bool = True, cap: int | None = None) -> Served:
    """The same week with so much left of each limit, with or without its reservations, and one cap."""
    assert window.served
    now = window.served
    nothing = np.full(len(now.reserved.offer), NOTHING)
    policy = now.policy.policy
    if cap is not None:
        policy = policy.model_copy(update={"caps": (Cap(name="all", contacts=cap, days=7),)})
    window.served = replace(
        now,
        remainder=np.full(len(now.remainder), left),
        market=now.market.at(np.zeros(len(now.market.prices))),
        reserved=now.reserved if reserved else Reserved(nothing, nothing),
        policy=replace(now.policy, policy=policy),
    )
    return window.served


def assert_nothing_offered(window: Window, asked: Any) -> list[Any]:
    made = offers(ask_all(window, asked)[0])
    for each in made:
        assert each["chosen"] is None
        assert "counters_down" in {one["why"]["code"] for one in each["offers"]}
    return made


def left_of(window: Window, now: Served) -> tuple[int, ...]:
    return window.counter.look(now.published.week, now.remainder, ()).left


def contacts(window: Window, now: Served, customer: str) -> list[Any]:
    return contacts_of(window.counter.look(now.published.week, now.remainder, [customer]).contacts[0])


def test_the_weeks_own_answers_spend_and_count_nothing(window: Window, now: Served) -> None:
    asked = {"as_of": "week", "customer_ids": reserved_ids(now)[:50]}
    first, second = (offers(ask_all(window, asked)[0]) for _ in range(2))
    assert [each["chosen"] for each in first] == [each["chosen"] for each in second]
    assert all(each["is_reserved"] for each in first)
    assert not window.home.counters.exists()
    uncounted = asked | {"as_of": _later(now), "commit": False}
    assert ask_all(window, uncounted)[0].status_code == 200
    assert not window.home.counters.exists()


def _later(now: Served) -> str:
    return from_micros(now.week.moment + DAY).isoformat()


def test_what_was_reserved_is_given_once_and_takes_nothing_of_what_is_left(
    window: Window, now: Served
) -> None:
    asked = {"as_of": "week", "customer_ids": reserved_ids(now)[:30], "commit": True}
    (uncounted,) = ask_all(window, asked | {"commit": False})
    week = {each["customer_id"]: each["chosen"] for each in offers(uncounted)}
    first = offers(ask_all(window, asked)[0])
    assert {each["customer_id"]: each["chosen"] for each in first} == week
    assert all(each["is_reserved"] for each in first)
    assert left_of(window, now) == millionths_left(remainder_of(now.week))
    for each in first:
        (made,) = contacts(window, now, each["customer_id"])
        assert (made.kind, made.channel) == (each["chosen"]["kind"], each["chosen"]["channel"])
        assert (made.week, made.is_reserved) == (now.published.week, True)
    second = offers(ask_all(window, asked)[0])
    assert not any(each["is_reserved"] for each in second)


def test_a_moment_after_the_week_counts_by_itself(window: Window, now: Served) -> None:
    asked = {"customer_ids": reserved_ids(now)[:20], "as_of": _later(now)}
    given = [each for each in offers(ask_all(window, asked)[0]) if each["chosen"]]
    assert given
    for each in given:
        assert len(contacts(window, now, each["customer_id"])) == 1


def test_a_decision_of_the_past_cannot_count(window: Window, now: Served) -> None:
    earlier = from_micros(now.week.moment - DAY).isoformat()
    asked = {"customer_ids": reserved_ids(now)[:1], "as_of": earlier, "commit": True}
    (refused,) = ask_all(window, asked)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "as_of"


def test_many_at_once_spend_what_is_left_and_no_more(window: Window) -> None:
    now = with_left(window, 2000.0, reserved=False)
    ids = [str(each) for each in now.histories.ids[:240]]
    bodies = [{"customer_ids": ids[k : k + 8], "commit": True} for k in range(0, len(ids), 8)]
    made = [each for response in ask_all(window, *bodies) for each in offers(response)]
    given = [each for each in made if each["chosen"]]
    cost = sum(each["chosen"]["expected_cost"]["amount"] for each in given)
    place = now.market.limits.names.index("weekly_budget")
    left = left_of(window, now)[place] / MICRO
    assert left >= 0
    assert cost == pytest.approx(2000.0 - left, abs=1e-6 * (len(given) + 1))
    refused = {one["why"]["code"] for each in made for one in each["offers"]}
    assert "spent" in refused
    assert cost > 1000


def test_a_cap_counts_what_was_told_online(window: Window) -> None:
    now = with_left(window, 1e9, reserved=False, cap=2)
    known = now.histories.ids[:150]
    asked = {"as_of": "week", "customer_ids": [str(each) for each in known], "commit": True}
    rounds = [offers(ask_all(window, asked)[0]) for _ in range(4)]
    told = np.array([[each["chosen"] is not None for each in made] for made in rounds]).sum(axis=0)
    assert told.max() == 2
    (capped,) = {
        one["why"]["code"]
        for each, times in zip(rounds[-1], told, strict=True)
        if times == 2
        for one in each["offers"]
        if one["why"]["code"] in ("capped", "chosen", "outranked")
    }
    assert capped == "capped"


def test_one_customer_asked_for_many_times_at_once_is_told_as_often_as_the_cap_allows(window: Window) -> None:
    now = with_left(window, 1e9, reserved=False, cap=1)
    asked = [str(each) for each in now.histories.ids[:200]]
    (first,) = ask_all(window, {"customer_ids": asked, "commit": False, "as_of": _later(now)})
    customer = next(
        each["customer_id"] for each in offers(first) if each["why"] and each["why"]["code"] == "spent"
    )
    made = ask_all(window, *({"customer_ids": [customer], "commit": True} for _ in range(12)))
    assert sum(each["chosen"] is not None for response in made for each in offers(response)) == 1


def test_what_is_decided_at_the_weeks_moment_counts_after_it(window: Window, now: Served) -> None:
    """What is before, the histories know."""
    customer = reserved_ids(now)[0]
    offers(ask_all(window, {"customer_ids": [customer], "commit": True, "as_of": "week"})[0])
    (made,) = contacts(window, now, customer)
    assert made.at == now.week.moment + 1


def test_every_decision_that_counted_is_replayed_the_same(window: Window, now: Served) -> None:
    # Not the shipped remainder: what is left has to run out on the way.
    ids = [str(each) for each in now.histories.ids[::3]][:60]
    asked = {"customer_ids": ids, "commit": True}
    made = [offers(ask_all(window, asked)[0]) for _ in range(3)]
    window.decisions.close()
    reasons = {one["why"]["code"] for each in made[-1] for one in each["offers"]}
    assert "capped" in reasons or "spent" in reasons
    for each in (one for some in made for one in some[::9]):
        assert replay(window.home, each["decision_id"], None)["differences"] == []


def test_counters_that_fail_let_no_offer_out_and_readiness_says_so(window: Window, now: Served) -> None:
    asked = {"customer_ids": reserved_ids(now)[:10], "commit": True}
    assert all(each["chosen"] for each in offers(ask_all(window, asked)[0]))
    assert ask(window, "/readyz").json()["counters"] == "ready"
    for path in window.home.counters.iterdir():
        path.unlink()
    for _ in range(2):
        made = assert_nothing_offered(window, asked | {"customer_ids": reserved_ids(now)[10:20]})
    ready = ask(window, "/readyz")
    assert (ready.status_code, ready.json()["counters"]) == (200, "down")
    # Scores and the week's own choices go on.
    assert all(each["chosen"] for each in offers(ask_all(window, asked | {"commit": False})[0]))
    window.decisions.close()
    assert replay(window.home, made[0]["decision_id"], None)["differences"] == []


def test_a_service_that_starts_anew_misses_lost_counters(window: Window, now: Served) -> None:
    asked = {"customer_ids": reserved_ids(now)[:5], "commit": True}
    ask_all(window, asked)
    window.counter.close()
    (window.home.counters / FILE).unlink()
    for path in window.home.counters.iterdir():
        path.unlink()
    window.counter = Counter(window.home)
    assert_nothing_offered(window, asked)
    # Somebody else's counters are not taken for ours.
    note = window.home.counting.read_text()
    window.home.counting.unlink()
    assert all(each["is_reserved"] for each in offers(ask_all(window, asked)[0]))
    window.counter.close()
    window.home.counting.write_text(note)
    window.counter = Counter(window.home)
    assert_nothing_offered(window, asked)


def test_counters_that_cannot_be_made_let_no_offer_out(window: Window, now: Served) -> None:
    window.home.counters.write_text("not a folder")
    asked = {"customer_ids": reserved_ids(now)[:5], "commit": True}
    assert_nothing_offered(window, asked)
    window.home.counters.unlink()
    assert all(each["chosen"] for each in offers(ask_all(window, asked)[0]))


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "postgres://nowhere"])
def test_a_redis_that_is_not_there_lets_no_offer_out(window: Window, now: Served, url: str) -> None:
    window.counter = Counter(window.home, url)
    asked = {"customer_ids": reserved_ids(now)[:5], "commit": True}
    assert_nothing_offered(window, asked)


def test_what_the_log_cannot_write_is_given_back(window: Window, now: Served) -> None:
    asked = {"customer_ids": reserved_ids(now)[:5], "commit": True}
    window.home.decisions.write_text("not a folder")
    assert ask_all(window, asked)[0].status_code == 503
    window.home.decisions.unlink()
    assert contacts(window, now, asked["customer_ids"][0]) == []
    assert all(each["is_reserved"] for each in offers(ask_all(window, asked)[0]))


def test_two_services_on_one_redis_share_what_is_left(window: Window, redis_url: str, loaded: Window) -> None:
    now = with_left(window, 1500.0, reserved=False)
    other = Window(loaded.home)
    other.served = window.served
    window.counter, other.counter = (Counter(window.home, redis_url) for _ in range(2))
    try:
        ids = [str(each) for each in now.histories.ids[:200]]
        made: list[Any] = []

        def asks(who: Window, mine: list[str]) -> None:
            bodies = [{"customer_ids": mine[k : k + 10], "commit": True} for k in range(0, len(mine), 10)]
            made.extend(each for response in ask_all(who, *bodies) for each in offers(response))

        threads = [
            threading.Thread(target=asks, args=each) for each in ((window, ids[::2]), (other, ids[1::2]))
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join(60)
        given = [each["chosen"]["expected_cost"]["amount"] for each in made if each["chosen"]]
        place = now.market.limits.names.index("weekly_budget")
        assert len(made) == 200
        assert 750 < sum(given) <= 1500
        left = left_of(window, now)[place] / MICRO
        assert sum(given) == pytest.approx(1500 - left, abs=1e-6 * (len(given) + 1))
    finally:
        other.stop()
        _remove(window, redis_url)


def _remove(window: Window, url: str) -> None:
    space = window.counter.space
    window.counter.close()
    with redis.Redis.from_url(url) as server:
        for name in server.scan_iter(match=f"{{{space}}}:*", count=1000):
            server.delete(name)
