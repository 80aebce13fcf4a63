"""The journal of events: an entry that was acknowledged is there, once, whoever is killed."""

import multiprocessing
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from releases.event_journal import Entry, FileJournal, Journal
from releases.event_journal_redis import RedisJournal
from releases.log_frame import Damaged
from tables.refusal import Refused

Open = Callable[[], Any]


def entry(name: str, size: int = 1) -> Entry:
    return Entry(known_at=1, rows=tuple({"event_id": f"{name}-{k}"} for k in range(size)), key=name)


@pytest.fixture(scope="module")
def durable_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of our own that forces every write to disk."""
    if shutil.which("redis-server") is None:
        if os.environ.get("HOLDFAST_REQUIRE_SERVICES") == "1":
            pytest.fail("redis-server is not installed")
        pytest.skip("redis-server is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(
        [*command, "--appendonly", "yes", "--appendfsync", "always"], stdout=subprocess.DEVNULL
    )
    for _ in range(100):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    try:
        yield f"redis://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(params=["file", "redis"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    if request.param == "file":
        return lambda: FileJournal(tmp_path / "events")
    url = request.getfixturevalue("durable_redis")
    return lambda: RedisJournal(url, tmp_path.name)


def test_what_was_taken_is_read_in_its_order_by_everybody(journal: Open) -> None:
    one, other = journal(), journal()
    assert list(one.since(0)) == []
    assert one.append(0, entry("a"))
    assert one.append(1, entry("b", 3))
    assert [each.key for each in other.since(0)] == ["a", "b"]
    assert other.append(2, entry("c"))
    assert [each.key for each in one.since(1)] == ["b", "c"]
    assert list(one.since(3)) == []
    assert list(one.since(0)) == list(journal().since(0))
    assert list(one.since(0))[1] == entry("b", 3)


def test_who_has_not_read_everything_cannot_append(journal: Open) -> None:
    one, other = journal(), journal()
    assert one.append(0, entry("a"))
    assert not other.append(0, entry("b"))
    assert [each.key for each in other.since(0)] == ["a"]
    assert other.append(1, entry("b"))


def test_a_journal_that_lost_entries_is_refused(journal: Open) -> None:
    with pytest.raises(Refused):
        journal().since(3)


def test_redis_that_may_forget_takes_no_event(redis_url: str, redis_space: str) -> None:
    with pytest.raises(Refused, match="appendonly is 'no'"):
        RedisJournal(redis_url, redis_space).append(0, entry("a"))


def test_redis_that_is_gone_is_refused(redis_space: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = RedisJournal(f"redis://127.0.0.1:{free.getsockname()[1]}", redis_space)
        with pytest.raises(Refused, match="cannot be used"):
            gone.since(0)
        with pytest.raises(Refused, match="cannot be used"):
            gone.append(0, entry("a"))


def write_many(folder: Path, name: str, count: int, done: Any) -> None:
    mine: Journal = FileJournal(folder)
    position = 0
    for k in range(count):
        while True:
            position += len(mine.since(position))
            if mine.append(position, entry(f"{name}-{k}")):
                done.put(f"{name}-{k}")
                break


def test_processes_append_beside_each_other_and_none_is_lost(tmp_path: Path) -> None:
    folder = tmp_path / "events"
    context = multiprocessing.get_context("spawn")
    done = context.SimpleQueue()
    writers = [context.Process(target=write_many, args=(folder, f"w{k}", 40, done)) for k in range(3)]
    for each in writers:
        each.start()
    said = {done.get() for _ in range(120)}
    for each in writers:
        each.join(30)
    found = [each.key for each in FileJournal(folder).since(0)]
    assert len(found) == 120
    assert set(found) == said


def test_what_a_killed_process_acknowledged_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "events"
    context = multiprocessing.get_context("spawn")
    rng = random.Random(5)
    said: list[str] = []
    for turn in range(3):
        receiver, sender = context.Pipe(duplex=False)
        writer = context.Process(target=write_for_ever, args=(folder, f"t{turn}", sender))
        writer.start()
        until = time.monotonic() + 3 + rng.random()
        while time.monotonic() < until:
            if receiver.poll(0.05):
                said.append(receiver.recv())
        assert writer.pid
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        while receiver.poll():
            said.append(receiver.recv())
    found = [each.key for each in FileJournal(folder).since(0)]
    assert len(said) > 10
    assert set(said) <= set(found)
    assert len(set(found)) == len(found)


def write_for_ever(folder: Path, name: str, done: Any) -> None:
    mine = FileJournal(folder)
    position, k = len(mine.since(0)), 0
    while True:
        assert mine.append(position, entry(f"{name}-{k}"))
        done.send(f"{name}-{k}")
        position, k = position + 1, k + 1


@pytest.mark.parametrize("cut", [1, 20, 41])
def test_half_an_entry_was_never_acknowledged(tmp_path: Path, cut: int) -> None:
    """As after a crash before the write was whole: nobody had counted it."""
    folder = tmp_path / "events"
    mine = FileJournal(folder)
    assert mine.append(0, entry("a"))
    state = (folder / "state").read_bytes()
    assert mine.append(1, entry("b"))
    mine.close()
    data = (folder / "journal").read_bytes()
    (folder / "journal").write_bytes(data[:-cut])
    (folder / "state").write_bytes(state)
    again = FileJournal(folder)
    assert [each.key for each in again.since(0)] == ["a"]
    assert again.append(1, entry("c", 5))
    assert [each.key for each in FileJournal(folder).since(0)] == ["a", "c"]


def test_whole_entries_count_though_the_machine_stopped_before_it_said_so(tmp_path: Path) -> None:
    folder = tmp_path / "events"
    mine = FileJournal(folder)
    state = (folder / "state").read_bytes()
    assert mine.append(0, entry("a"))
    mine.close()
    (folder / "state").write_bytes(state)
    assert [each.key for each in FileJournal(folder).since(0)] == ["a"]


def test_an_acknowledged_entry_that_is_cut_off_is_missed(tmp_path: Path) -> None:
    folder = tmp_path / "events"
    mine = FileJournal(folder)
    assert mine.append(0, entry("a"))
    mine.close()
    data = (folder / "journal").read_bytes()
    (folder / "journal").write_bytes(data[:-5])
    with pytest.raises(Damaged, match="1 were acknowledged"):
        FileJournal(folder)


def test_a_flipped_bit_is_damage(tmp_path: Path) -> None:
    folder = tmp_path / "events"
    mine = FileJournal(folder)
    assert mine.append(0, entry("a"))
    assert mine.append(1, entry("b"))
    mine.close()
    data = bytearray((folder / "journal").read_bytes())
    rng = random.Random(7)
    for _ in range(60):
        at, bit = rng.randrange(len(data)), 1 << rng.randrange(8)
        data[at] ^= bit
        (folder / "journal").write_bytes(data)
        with pytest.raises(Refused):
            FileJournal(folder)
        data[at] ^= bit


def test_a_full_disk_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = FileJournal(tmp_path / "events")
    assert mine.append(0, entry("a"))
    real = os.pwrite

    def full(file: int, data: Any, at: int) -> int:
        if at > 200 and len(data) > 10:
            return real(file, data[: len(data) // 2], at)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(Refused, match="nothing was taken"):
            mine.append(1, entry("b"))
    assert list(mine.since(1)) == []
    assert mine.append(1, entry("c"))
    assert [each.key for each in FileJournal(tmp_path / "events").since(0)] == ["a", "c"]
