"""Faults while requests run: an answer is right, or it is 429 or 503, and nothing is decided twice.

The short form is part of every run; `make soak` does the same for ten minutes at 80 % of the peak.
"""

import contextlib
import functools
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import httpx
import msgspec
import psutil
import pytest
import redis

from pipelines import replay as replay_job
from releases.decision_archive import verify_chains
from releases.event_store import open_journal
from releases.home import Home, Published
from serving import assessment
from serving.served import load

SCORE, OFFER, EVENTS = "/v1/score", "/v1/next-best-offer", "/v1/events"
# What a caller may be told beside answers; a connection to a killed worker ends without a word.
REFUSALS = {429, 503}
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
AS_OF_NOW = {"is_stale": None, "events": None}
DISK_SIZE = 96 * 2**20
SECONDS = 120.0
SECONDS_TO_ANSWER = 40.0


def purchase(name: str) -> dict[str, Any]:
    """Of a customer whom nobody is asked about; the name says which."""
    return {
        "table": "transactions",
        "event_id": name,
        "customer_id": f"c-{100 + zlib.crc32(name.encode()) % 50:07}",
        "order_id": name,
        "quantity": 1,
        "amount": 1_000,
    }


class Answer(NamedTuple):
    """at: on the monotonic clock, when it came; body: of a 200."""

    at: float
    route: str
    status: int
    body: Any


@dataclass
class Load:
    """Callers that ask one request after the other until they are told to stop. rate: requests a second of
    all together, 0 for as many as are answered."""

    url: str
    key: str
    rate: float = 0.0
    callers: int = 3
    seed: int = 1
    answers: list[Answer] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator["Load"]:
        threads = [
            threading.Thread(target=self._ask, args=(random.Random(self.seed + each),), daemon=True)
            for each in range(self.callers)
        ]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            for thread in threads:
                thread.join(60)
            assert not any(thread.is_alive() for thread in threads), "a request hangs"

    def _ask(self, lot: random.Random) -> None:
        client = self._client()
        due = time.monotonic()
        while not self._ended.is_set():
            route, body = self._asked(lot)
            try:
                response = client.post(route, json=body)
            except httpx.TimeoutException as error:
                self.broken.append(f"{route}: no answer within {SECONDS_TO_ANSWER} s ({error!r})")
                return
            except httpx.TransportError as error:
                self.answers.append(Answer(time.monotonic(), route, 0, repr(error)))
                client.close()
                client = self._client()
                continue
            good = response.status_code == 200
            if good and route == EVENTS:
                name = body["events"][0]["event_id"]
                self.taken.add(name)
                self.unsure.discard(name)
            else:
                said = response.json() if good else response.text
                self.answers.append(Answer(time.monotonic(), route, response.status_code, said))
            if not good and response.status_code not in REFUSALS:
                self.broken.append(f"{route}: {response.status_code} {response.text}")
            due += self.callers / self.rate if self.rate else 0
            if self.rate and due > time.monotonic():
                time.sleep(due - time.monotonic())
        client.close()

    def _asked(self, lot: random.Random) -> tuple[str, Any]:
        """A question about one customer, or an event of another, which may have been sent before."""
        asked = {"customer_ids": [f"c-{lot.randrange(1, 40):07}"]}
        both = (OFFER, {"commit": True}), (OFFER, {"commit": False})
        route, more = lot.choice(((SCORE, {}), *both, (EVENTS, {})))
        if route != EVENTS:
            return route, {**asked, **more}
        waiting = sorted(self.unsure.copy())
        name = lot.choice(waiting) if waiting and lot.random() < 0.5 else f"bought-{lot.getrandbits(60)}"
        self.unsure.add(name)
        return route, {"events": [purchase(name)]}

    def _client(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, headers={"authorization": f"Bearer {self.key}"}, timeout=SECONDS_TO_ANSWER
        )

    def until(self, holds: Callable[[list[Answer]], Any], what: str) -> None:
        """Wait until what was answered since now is so."""
        begin, end = len(self.answers), time.monotonic() + SECONDS
        while time.monotonic() < end:
            assert not self.broken, self.broken
            if holds(self.answers[begin:]):
                return
            time.sleep(0.05)
        since = Counter((each.route, each.status) for each in self.answers[begin:])
        pytest.fail(f"{what} did not happen within {SECONDS} s; since then {since}")

    def until_answered(self, answers: int = 15) -> None:
        self.until(lambda now: sum(each.status == 200 for each in now) >= answers, "answers")

    def until_decided(self, decisions: int = 8) -> None:
        def decided(now: list[Answer]) -> bool:
            return sum((each.route, each.status) == (OFFER, 200) for each in now) >= decisions

        self.until(decided, "decisions")

    def until_refused(self) -> None:
        self.until(lambda now: any(each.status == 503 for each in now), "a refusal")

    def until_served(self, week: str) -> None:
        def served(now: list[Answer]) -> bool:
            weeks = [each.body["week"] for each in now if each.status == 200]
            return len(weeks) > 10 and set(weeks[-10:]) == {week}

        self.until(served, f"week {week}")


def assert_all_right(home: Home, answers: list[Answer], *, most_replayed: int | None = None) -> None:
    """Every score is what the bundle, policy and week it names say; every decision is in the log once, comes
    out the same when it is made again, and was told as it was decided. most_replayed: of how many decisions
    the last is tried, a sample."""
    good = [each for each in answers if each.status == 200]
    scores = [each.body for each in good if each.route == SCORE]
    decisions = [each for answer in good if answer.route == OFFER for each in answer.body["customers"]]
    assert scores
    assert decisions
    _assert_scores(home, scores)
    ids = [each["decision_id"] for each in decisions]
    assert len(set(ids)) == len(ids), "a decision was given twice"
    states = verify_chains(home)
    assert [state.faults for state in states] == [[]] * len(states)
    if most_replayed is not None and len(decisions) > most_replayed:
        decisions = random.Random(1).sample(decisions, most_replayed)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("read_bundle", "read_frozen_policy", "read_week_about", "read_event_histories"):
            patch.setattr(replay_job, name, functools.cache(getattr(replay_job, name)))
        for each in decisions:
            said = replay_job.replay(home, each["decision_id"], None)
            assert said["differences"] == []
            told = each["chosen"]["offer_id"] if each["chosen"] else None
            assert (said["customer_id"], said["chosen"]) == (each["customer_id"], told)


def _assert_scores(home: Home, scores: list[Any]) -> None:
    served = {name: load(home, Published(*name)) for name in {_named(each) for each in scores}}
    again: dict[Any, Any] = {}
    for said in scores:
        (customer,) = (each["customer_id"] for each in said["customers"])
        name = (*_named(said), customer, said["moment"])
        if name not in again:
            moment = datetime.fromisoformat(said["moment"])
            answered = assessment.score(served[_named(said)], [customer], moment)
            again[name] = msgspec.json.decode(msgspec.json.encode(answered))
        # Whether the week is old is told by the clock of the moment, which is none of the answer's; what came
        # since was of others.
        assert said | AS_OF_NOW == again[name] | AS_OF_NOW


def assert_events_are_there_once(home: Home, load: Load) -> None:
    names = [row["event_id"] for entry in open_journal(home).since(0) for row in entry.rows]
    assert len(load.taken) > 5
    assert load.taken <= set(names)
    assert len(set(names)) == len(names), "an event was taken twice"


def _named(said: Any) -> tuple[str, str, str]:
    return said["bundle"], said["policy"], said["week"]


class Redis:
    """A Redis server of the test's own, with a file of all that was written, forced."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        options = ["--port", str(self._port), "--dir", str(self._folder), "--save", ""]
        options += ["--appendonly", "yes", "--appendfsync", "always", "--bind", "127.0.0.1"]
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(["redis-server", *options], stdout=log, stderr=log)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            try:
                with redis.Redis.from_url(self.url) as server:
                    server.ping()
                return
            except redis.RedisError:
                time.sleep(0.05)
        pytest.fail("Redis did not start")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not here")
    server = Redis(tmp_path / "redis")
    yield server
    server.kill()


@pytest.fixture
def small_disk(own_home: Home, tmp_path: Path) -> Iterator[Home]:
    """The home on a disk of its own that can be filled."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs of limited size takes root")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE}", "tmpfs", str(folder)]
    if (done := subprocess.run(command, check=False, capture_output=True, text=True)).returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    try:
        yield Home(shutil.copytree(own_home.path, folder / "home"))
    finally:
        subprocess.run(["umount", folder], check=True)


def both_ready(running: Any, key: str) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            if (
                httpx.get(
                    f"{running.url}/metrics", headers={"authorization": f"Bearer {key}"}, timeout=30
                ).text.count("holdfast_published_info{")
                == 2
            ):
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"no two workers were ready:\n{running.log.read_text()}")


@pytest.mark.timeout(900)
def test_events_in_a_redis_that_is_killed_are_there_once(
    own_home: Home,
    tmp_path: Path,
    server: Any,
    own_redis: Redis,
    key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As two machines would share them. While the journal is away nobody is answered: the last opt-out may be
    in what cannot be read."""
    monkeypatch.setenv("HOLDFAST_EVENTS", own_redis.url)
    environment = {"HOLDFAST_EVENTS": own_redis.url, "HOLDFAST_COUNTERS": own_redis.url}
    with (
        server(own_home.path, tmp_path / "log", workers=2, **environment) as running,
        Load(running.url, key).running() as load,
    ):
        both_ready(running, key)
        load.until_decided()
        for _ in range(3):
            os.kill(running.workers()[0], signal.SIGKILL)
            load.until_answered()
            own_redis.kill()
            load.until_refused()
            own_redis.start()
            load.until_decided()
    assert not load.broken
    assert {each.status for each in load.answers} <= {0, 200, *REFUSALS}
    assert_all_right(own_home, load.answers)
    assert_events_are_there_once(own_home, load)


@pytest.mark.timeout(900)
def test_whatever_fails_under_load_answers_are_right_or_refused(
    small_disk: Home,
    tmp_path: Path,
    server: Any,
    own_redis: Redis,
    key: str,
    other_week: Callable[[Home], str],
) -> None:
    home = small_disk
    first, second = home.published().week, other_week(home)
    with (
        server(home.path, tmp_path / "log", workers=2, HOLDFAST_COUNTERS=own_redis.url) as running,
        Load(running.url, key).running() as load,
    ):
        both_ready(running, key)
        load.until_decided()

        # A worker is killed while it answers.
        os.kill(running.workers()[0], signal.SIGKILL)
        load.until_answered()
        both_ready(running, key)

        # The week changes, and back.
        home.publish(week=second)
        load.until_served(second)
        home.roll_back()
        load.until_served(first)

        # Redis is gone, and back with what it knew.
        own_redis.kill()
        load.until_decided()
        own_redis.start()
        load.until_decided()

        # The disk is full, and is freed.
        ballast = home.path.parent / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        load.until_refused()
        load.until(lambda now: any(each.route == SCORE and each.status == 200 for each in now), "a score")
        ballast.unlink()
        load.until_decided()

        # The log cannot be written by workers that are started anew; what the old ones hold open they close.
        log, aside = home.decisions, home.path / "aside"
        log.rename(aside)
        log.write_text("")
        for process in running.workers():
            os.kill(process, signal.SIGKILL)
        load.until_refused()
        both_ready(running, key)
        log.unlink()
        aside.rename(log)
        load.until_decided()
    assert not load.broken
    statuses = {each.status for each in load.answers}
    assert statuses <= {0, 200, *REFUSALS}
    assert {0, 200, 503} <= statuses  # each of them was really seen
    assert {each.body["week"] for each in load.answers if each.status == 200} == {first, second}
    assert_all_right(home, load.answers)
    assert_events_are_there_once(home, load)


@pytest.mark.skipif(not FAKETIME.exists(), reason="libfaketime is not here (apt-get install libfaketime)")
def test_a_clock_that_jumps_spoils_no_decision(own_home: Home, tmp_path: Path, server: Any, key: str) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    environment = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
    with (
        server(own_home.path, tmp_path / "log", **environment) as running,
        Load(running.url, key, callers=2).running() as load,
    ):
        for jump in ("+400d", "-400d", "-4000d", "+0"):
            aside = clock.with_suffix(".new")
            aside.write_text(f"{jump}\n")
            aside.rename(clock)
            load.until_decided()
    assert not load.broken
    assert {each.status for each in load.answers} <= {200, *REFUSALS}
    assert_all_right(own_home, load.answers)
    assert_events_are_there_once(own_home, load)
    days = {int(replay_job.replay(own_home, each, None)["decided_at"][:4]) for each in _some_ids(load)}
    assert len(days) > 2  # the clock really jumped


def _some_ids(load: Load) -> list[str]:
    answers = [each for each in load.answers if each.route == OFFER]
    return [each.body["customers"][0]["decision_id"] for each in answers[:: max(1, len(answers) // 20)]]


class Held(NamedTuple):
    """What a process holds: resident bytes that are its own, and open file descriptors by their kind."""

    memory: int
    files: Counter[str]


def held(process: int) -> Held:
    files: Counter[str] = Counter()
    for each in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed since it was listed
            target = str(each.readlink())
            files[
                target.split(":", maxsplit=1)[0]
                if ":[" in target
                else re.sub(r"[0-9a-f]{4,}|\d+", "#", target)
            ] += 1
    return Held(psutil.Process(process).memory_full_info().uss, files)


def least(seen: list[Held]) -> Counter[str]:
    """The files of each kind that a process held at its barest: what leaks is never let go."""
    kinds = {kind for each in seen for kind in each.files}
    return Counter({kind: min(each.files[kind] for each in seen) for kind in kinds})


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ten_minutes_at_most_of_the_peak_with_swaps_and_kills(
    own_home: Home, tmp_path: Path, server: Any, key: str, other_week: Callable[[Home], str]
) -> None:
    """One worker is killed again and again, the other is not: it must not grow. Prints its figures."""
    seconds = float(os.environ.get("HOLDFAST_SOAK_SECONDS", "600"))
    first, second = own_home.published().week, other_week(own_home)
    with server(own_home.path, tmp_path / "log", workers=2) as running:
        both_ready(running, key)
        with Load(running.url, key, callers=4).running() as warm:
            warm.until_answered(200)
            begin = time.monotonic()
            time.sleep(min(20.0, seconds / 10))
            peak = sum(each.at > begin for each in warm.answers) / (time.monotonic() - begin)
        stays = running.workers()[0]
        lot, kills, swaps, seen = random.Random(2), 0, 0, []
        with Load(running.url, key, rate=0.8 * peak, callers=4).running() as load:
            begin = time.monotonic()
            while (now := time.monotonic() - begin) < seconds:
                assert not load.broken, load.broken
                swaps += 1
                if swaps % 2:
                    own_home.publish(week=second)
                else:
                    own_home.roll_back()
                time.sleep(lot.uniform(2, 4))
                for process in running.workers():
                    if process != stays:
                        os.kill(process, signal.SIGKILL)
                        kills += 1
                time.sleep(lot.uniform(2, 4))
                seen.append((now, held(stays)))
        assert stays in running.workers()
    # The first fifth is the start: caches fill, both weeks are met.
    early = [each for now, each in seen if seconds / 5 < now <= seconds * 2 / 5]
    late = [each for now, each in seen if now > seconds * 4 / 5]
    files = least(late) - least(early)
    # Who waits with a new week until another worker has it too holds the old one beside it, files and all,
    # and more often as the journal that is read with it grows. So memory is compared where one week is held.
    fewest = min(each.files.total() for _, each in seen)
    before, after = (
        median(each.memory for each in part if each.files.total() == fewest) for part in (early, late)
    )
    growth = after / before - 1
    peak_growth = max(each.memory for each in late) / max(each.memory for each in early) - 1
    told = Counter(each.status for each in load.answers)
    print(
        f"\npeak {peak:.0f}/s; {len(load.answers)} requests in {seconds:.0f} s, by status {dict(told)}; "
        f"{kills} kills, {swaps} swaps; memory {growth:+.1%}, at most {peak_growth:+.1%}, "
        f"files {dict(files)}; held by (s, MiB, files) "
        f"{[(round(now), each.memory >> 20, each.files.total()) for now, each in seen]}"
    )
    assert set(told) <= {0, 200, *REFUSALS}
    assert {each.body["week"] for each in load.answers if each.status == 200} == {first, second}
    assert_all_right(own_home, warm.answers + load.answers, most_replayed=500)
    assert_events_are_there_once(own_home, load)
    assert max(growth, peak_growth) < 0.05
    # A caller whose worker died comes to the one that stays.
    assert files.pop("socket", 0) <= load.callers
    assert sum(files.values()) <= 0, files
