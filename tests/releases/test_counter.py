"""Counters hold in both stores: a plain ledger, many processes at once, a killed one, a store that fails."""

import json
import multiprocessing
import os
import random
import resource
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decisions.reach import Cap
from releases.counter import (
    MICRO,
    MOST,
    Contact,
    Counters,
    Swap,
    Take,
    contacts_of,
    contacts_under,
    give_back,
    millionths_left,
    millionths_of_uses,
    take,
)
from releases.counter_file import FileCounters
from releases.counter_redis import RedisCounters
from tables.moment import DAY
from tables.refusal import Refused

WEEK = "w1"
AT = 1_700_000_000_000_000
STORES = ("file", "redis")
Open = Callable[[], Counters]


def contact(at: int = AT, **words: Any) -> Contact:
    return Contact(
        **{"at": at, "week": WEEK, "kind": "coupon", "channel": "sms", "is_reserved": False, **words}
    )


def open_store(kind: str, where: str, space: str) -> Counters:
    # Not forced to disk: what a killed process acknowledged has to be there all the same.
    return FileCounters(Path(where), forced=False) if kind == "file" else RedisCounters(where, space)


@pytest.fixture(params=STORES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str, str]:
    """What another process needs to open the same store."""
    if request.param == "file":
        return "file", str(tmp_path / "counters" / "store"), ""
    return "redis", request.getfixturevalue("redis_url"), request.getfixturevalue("redis_space")


@pytest.fixture
def store(place: tuple[str, str, str]) -> Any:
    counters = open_store(*place)
    counters.identity(make=True)
    yield counters
    counters.close()


def takes_one(counters: Counters, customer: str, *uses: int, at: int = AT) -> bool:
    seen = counters.look(WEEK, [customer]).contacts[0]
    return take(counters, WEEK, [Take(customer, seen, contact(at), uses)])[0]


def test_all_limits_reach_or_nothing_is_taken(store: Counters) -> None:
    store.begin(WEEK, [10, 3])
    assert takes_one(store, "a", 4, 3)
    assert not takes_one(store, "b", 4, 1)
    assert takes_one(store, "b", 6, 0)
    assert not takes_one(store, "c", 1, 0)
    assert takes_one(store, "c", 0, -2)  # it gives to a limit
    assert store.look(WEEK, ["a", "b", "nobody"]).left == (0, 2)
    assert [len(contacts_of(text)) for text in store.look(WEEK, ["a", "b", "nobody"]).contacts] == [1, 1, 0]


def test_a_customer_who_was_told_something_since_is_not_told_again(store: Counters) -> None:
    store.begin(WEEK, [10])
    first, second = (Take("a", "", contact(AT + k), (1,)) for k in range(2))
    assert take(store, WEEK, [first, second]) == [True, False]
    assert take(store, WEEK, [second]) == [False]
    assert store.look(WEEK, []).left == (9,)


def test_a_week_begins_once_and_weeks_do_not_share_limits_but_share_contacts(store: Counters) -> None:
    store.begin(WEEK, [10])
    assert takes_one(store, "a", 7)
    store.begin(WEEK, [10])
    assert store.look(WEEK, []).left == (3,)
    store.begin("w2", [5])
    seen = store.look("w2", ["a"])
    assert seen.left == (5,)
    assert contacts_of(seen.contacts[0]) == [contact()]


def test_what_is_given_back_can_be_taken_again(store: Counters) -> None:
    store.begin(WEEK, [10, 0])
    assert takes_one(store, "a", 1, -1)
    seen = store.look(WEEK, ["a"]).contacts[0]
    second = Take("a", seen, contact(AT + 1), (9, 0))
    assert take(store, WEEK, [second]) == [True]
    first = Take("a", "", contact(), (1, -1))
    give_back(store, WEEK, [first])
    seen = store.look(WEEK, ["a"])
    assert seen.left == (1, 0)
    assert contacts_of(seen.contacts[0]) == [second.contact]
    give_back(store, WEEK, [second])
    assert store.look(WEEK, ["a"]) == ((10, 0), ("",))
    with pytest.raises(Refused, match="do not have it"):
        give_back(store, WEEK, [second])


def test_a_week_that_did_not_begin_is_refused(store: Counters) -> None:
    with pytest.raises(Refused, match=WEEK):
        store.look(WEEK, ["a"])
    with pytest.raises(Refused, match="know"):
        store.swap(WEEK, [Swap("a", "", "x", (1,))])


def test_the_largest_amounts_are_counted_to_the_unit(store: Counters) -> None:
    store.begin(WEEK, [MOST, MOST])
    assert takes_one(store, "a", 1, -5)
    assert takes_one(store, "b", MOST - 2, 0)
    assert store.look(WEEK, []).left == (1, MOST)


def test_a_store_says_which_it_is(place: tuple[str, str, str]) -> None:
    counters = open_store(*place)
    with pytest.raises(Refused):
        counters.identity(make=False)
    first = counters.identity(make=True)
    counters.close()
    again = open_store(*place)
    assert again.identity(make=True) == first
    assert again.identity(make=False) == first
    again.close()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "stale", "back"]),
        st.sampled_from("abc"),
        st.integers(-4, 6),
        st.integers(-4, 6),
    ),
    max_size=25,
)


@pytest.mark.parametrize("kind", STORES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_sequence_does_what_a_plain_ledger_does(
    kind: str, steps: list[tuple[str, str, int, int]], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    where, space = str(tmp_path / uuid.uuid4().hex), ""
    if kind == "redis":
        where = request.getfixturevalue("redis_url")
        space = request.getfixturevalue("redis_space") + uuid.uuid4().hex
    counters = open_store(kind, where, space)
    try:
        _follows_a_plain_ledger(counters, steps)
    finally:
        counters.close()
        if kind == "redis":
            with redis.Redis.from_url(where) as server:
                server.delete(*(server.keys(f"{{{space}}}:*") or ["nothing"]))


def _follows_a_plain_ledger(counters: Counters, steps: list[tuple[str, str, int, int]]) -> None:
    counters.identity(make=True)
    counters.begin(WEEK, [10, 10])
    left, told = [10, 10], {name: [] for name in "abc"}
    made: list[Take] = []
    for number, (what, customer, *uses) in enumerate(steps):
        if what == "back":
            if made:
                back = made.pop(0)
                give_back(counters, WEEK, [back])
                left = [rest + use for rest, use in zip(left, back.uses, strict=True)]
                told[back.customer].remove(back.contact)
        else:
            seen = counters.look(WEEK, [customer]).contacts[0] if what == "take" else "[stale]"
            asked = Take(customer, seen, contact(AT + number), (uses[0], uses[1]))
            fits = all(use <= 0 or use <= rest for use, rest in zip(uses, left, strict=True))
            if what == "stale":
                swap = Swap(customer, "[stale]", "[]", asked.uses)
                assert counters.swap(WEEK, [swap]) == [False]
            else:
                assert take(counters, WEEK, [asked]) == [fits]
                if fits:
                    left = [rest - use for rest, use in zip(left, uses, strict=True)]
                    told[customer].append(asked.contact)
                    made.append(asked)
        seen_now = counters.look(WEEK, list("abc"))
        assert list(seen_now.left) == left
        assert [contacts_of(text) for text in seen_now.contacts] == list(told.values())


def hammer(place: tuple[str, str, str], number: int, tries: int, ledger: str) -> None:
    """Take random amounts for random customers, and write down first what was acknowledged."""
    counters, dice = open_store(*place), random.Random(number)
    with Path(ledger).open("a", buffering=1) as file:
        for k in range(tries):
            customer, at = f"c{dice.randrange(20)}", AT + number * 1_000_000 + k
            seen = counters.look(WEEK, [customer]).contacts[0]
            # A cap of three contacts, as the choice would hold it.
            if len(contacts_of(seen)) >= 3:
                continue
            uses = (dice.randrange(1, 50), dice.randrange(3))
            if take(counters, WEEK, [Take(customer, seen, contact(at), uses)])[0]:
                file.write(json.dumps([customer, at, *uses]) + "\n")
    counters.close()


def begin_processes(place: tuple[str, str, str], tries: int, folder: Path) -> list[Any]:
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=hammer, args=(place, number, tries, str(folder / f"ledger-{number}")))
        for number in range(4)
    ]
    for each in processes:
        each.start()
    return processes


def acknowledged(folder: Path) -> list[list[Any]]:
    lines = [line for path in folder.glob("ledger-*") for line in path.read_text().splitlines(keepends=True)]
    return [json.loads(line) for line in lines if line.endswith("\n")]


def test_many_processes_at_once_never_take_more_than_there_is(
    place: tuple[str, str, str], store: Counters, tmp_path: Path
) -> None:
    store.begin(WEEK, [1000, 30])
    store.close()
    for each in begin_processes(place, 60, tmp_path):
        each.join(60)
        assert each.exitcode == 0
    made = acknowledged(tmp_path)
    seen = open_store(*place).look(WEEK, [f"c{k}" for k in range(20)])
    assert seen.left == (1000 - sum(each[2] for each in made), 30 - sum(each[3] for each in made))
    assert min(seen.left) >= 0
    told = [len(contacts_of(text)) for text in seen.contacts]
    assert sum(told) == len(made) > 20
    assert max(told) <= 3


def test_a_killed_process_loses_nothing_that_was_acknowledged_and_holds_nobody_up(
    place: tuple[str, str, str], store: Counters, tmp_path: Path
) -> None:
    store.begin(WEEK, [10**9, 10**9])
    store.close()
    processes = begin_processes(place, 10**6, tmp_path)
    time.sleep(0.3)
    for each in processes:
        assert each.pid
        os.kill(each.pid, signal.SIGKILL)
        each.join(30)
        assert each.exitcode == -signal.SIGKILL
    made = acknowledged(tmp_path)
    assert made
    again = open_store(*place)
    seen = again.look(WEEK, [f"c{k}" for k in range(20)])
    kept = {each.at for text in seen.contacts for each in contacts_of(text)}
    # Each process may have taken one that it had not written down yet.
    assert kept >= {each[1] for each in made}
    assert len(kept) - len(made) <= len(processes)
    used = sum(each[2] for each in made)
    assert used <= 10**9 - seen.left[0] <= used + 50 * len(processes)
    assert takes_one(again, "somebody else", 1, 1)
    again.close()


def counters_in(folder: Path, **words: Any) -> FileCounters:
    counters = FileCounters(folder / "counters", **words)
    counters.identity(make=True)
    counters.begin(WEEK, [10])
    return counters


def test_a_file_that_is_gone_or_replaced_is_refused_and_not_made_again(tmp_path: Path) -> None:
    counters = counters_in(tmp_path)
    for path in tmp_path.glob("counters*"):
        path.unlink()
    for _ in range(2):
        with pytest.raises(Refused, match="counters"):
            takes_one(counters, "a", 1)
    other = counters_in(tmp_path)
    with pytest.raises(Refused, match="removed or replaced"):
        takes_one(counters, "a", 1)
    assert takes_one(other, "a", 1)
    with pytest.raises(Refused):
        FileCounters(tmp_path / "nowhere").identity(make=False)
    assert not (tmp_path / "nowhere").exists()


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    counters_in(tmp_path).close()
    (tmp_path / "counters").write_bytes(b"no database at all" * 100)
    counters = FileCounters(tmp_path / "counters")
    for call in (
        lambda: counters.identity(make=True),
        lambda: counters.look(WEEK, ["a"]),
        lambda: counters.swap(WEEK, []),
    ):
        with pytest.raises(Refused, match="not a database"):
            call()


def test_damaged_contacts_are_refused() -> None:
    for text in ("[", '[["at"]]', "[1]"):
        with pytest.raises(Refused, match="damaged"):
            contacts_of(text)


def full_disk(folder: str) -> None:
    counters = FileCounters(Path(folder) / "counters")
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
    with pytest.raises(Refused, match="cannot be used"):
        takes_one(counters, "a", 1)
    os._exit(7)


def test_a_file_that_cannot_be_written_is_refused_and_stays_whole(tmp_path: Path) -> None:
    counters_in(tmp_path).close()
    process = multiprocessing.get_context("fork").Process(target=full_disk, args=(str(tmp_path),))
    process.start()
    process.join(60)
    assert process.exitcode == 7
    assert takes_one(FileCounters(tmp_path / "counters"), "a", 1)


def test_a_file_that_somebody_holds_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = counters_in(tmp_path)
    monkeypatch.setattr("releases.counter_file.SECONDS_TO_WAIT", 0.1)
    with holder._writing(), pytest.raises(Refused, match="locked"):
        takes_one(FileCounters(tmp_path / "counters"), "a", 1)
    assert takes_one(holder, "a", 1)


def test_a_redis_that_does_not_answer_or_forgot_is_refused(redis_url: str, redis_space: str) -> None:
    nobody = RedisCounters("redis://127.0.0.1:1/0", redis_space)
    with pytest.raises(Refused, match="cannot be used"):
        nobody.look(WEEK, ["a"])
    with pytest.raises(Refused, match="HOLDFAST_COUNTERS"):
        RedisCounters("postgres://127.0.0.1", redis_space)
    counters = RedisCounters(redis_url, redis_space)
    counters.identity(make=True)
    counters.begin(WEEK, [10])
    with redis.Redis.from_url(redis_url) as server:
        server.delete(*server.keys(f"{{{redis_space}}}:*"))
    with pytest.raises(Refused, match="lost"):
        counters.identity(make=False)
    with pytest.raises(Refused, match="nothing of week"):
        counters.look(WEEK, ["a"])
    with pytest.raises(Refused, match="nothing of this week"):
        counters.swap(WEEK, [Swap("a", "", "x", (1,))])
    counters.close()


def test_contacts_count_under_each_cap_from_the_week_on_and_not_too_long() -> None:
    caps = [
        Cap(name="week", contacts=2, days=7),
        Cap(name="texts", contacts=1, days=7, channels=("sms",)),
        Cap(name="care", contacts=1, days=28, kinds=("care",)),
    ]
    contacts = [
        contact(AT),  # the week's moment: the histories know it
        contact(AT + 1),
        contact(AT + 2, channel="phone", kind="care"),
        contact(AT + 3, is_reserved=True),
    ]
    assert contacts_under(contacts, caps, AT, AT + DAY).tolist() == [3, 2, 1]
    assert contacts_under(contacts, caps, AT, AT + 7 * DAY + 2).tolist() == [1, 1, 1]
    assert contacts_under(contacts, caps, AT + 3, AT + DAY).tolist() == [0, 0, 0]
    assert contacts_under([], (), AT, AT).shape == (0,)


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=20))
def test_rounding_never_makes_more_of_what_is_left(uses: list[float]) -> None:
    took = sum(millionths_of_uses(np.array([each]))[0] for each in uses)
    assert took >= sum(int(each * MICRO) for each in uses)
    (left,) = millionths_left(np.array([uses[0]]))
    assert left <= millionths_of_uses(np.array([uses[0]]))[0] <= left + 1
    assert millionths_left(np.array([1e300])) == (MOST,)
