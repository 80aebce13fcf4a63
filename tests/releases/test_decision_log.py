"""The log of decisions: what was acknowledged is there, what was changed is found, the erased is gone."""

import json
import math
import os
import random
import signal
import struct
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releases import decision_log
from releases import log_chain as chain_module
from releases.customer_key import CustomerKeys
from releases.decision import Considered, Decision, Setting, decided_at, new_id
from releases.decision_archive import compact, find, verify_chains
from releases.decision_log import DecisionLog
from releases.decision_record import about_customer, decision_of, record_of
from releases.home import Home
from releases.log_chain import claim
from releases.log_segment import frames_of, packed, read_bytes
from tables.refusal import Refused

SETTING = Setting("bundle", "policy", "week", "base", 1_790_000_000_000_000, {"budget_price": 0.1 + 0.2})


def decision_for(customer: str) -> Decision:
    return Decision(
        decision_id=new_id(),
        setting=SETTING,
        propensity=1.0,
        customer_id=customer,
        status="in_base",
        held_out=False,
        consents=3.0,
        facts="f" * 64,
        scores={"churn": (0.1,), "uplift": (1 / 3, math.nan)},
        chosen="coupon",
        considered=(
            Considered("coupon", "sms", "chosen", 1 / 3, 2.5),
            Considered("gift", "", "no_consent", math.nan, math.inf),
        ),
    )


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with other tests is no broken disk."""
    monkeypatch.setattr(decision_log, "SECONDS_TO_DISK", 60.0)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def write(home: Home, decisions: list[Decision], **options: Any) -> None:
    with closing(DecisionLog(home, **options)) as log:
        for each in decisions:
            log.write([each])


def read(home: Home, decision_id: str) -> Decision:
    with closing(CustomerKeys(home.decisions, home.key())) as keys:
        return decision_of(find(home, decision_id).body, keys)


def said(decision: Decision) -> Any:
    """In a form in which nan equals nan."""
    setting = {**vars(decision.setting), "circumstances": sorted(decision.setting.circumstances.items())}
    return repr((setting, decision.propensity)), about_customer(decision)


def decisions_written(home: Home) -> int:
    states = verify_chains(home)
    assert [fault for state in states for fault in state.faults] == []
    return sum(state.decisions for state in states)


def bounds(data: bytes) -> list[int]:
    """Where each record begins, and the end of the last: 4 bytes of length, 36 more, the body."""
    ends = [0]
    while ends[-1] < len(data):
        ends.append(ends[-1] + 40 + struct.unpack_from("<I", data, ends[-1])[0])
    return ends


numbers = st.floats(width=64)
names = st.text(max_size=8)
offers = st.builds(Considered, names, names, names, numbers, numbers)
decisions = st.builds(
    Decision,
    decision_id=st.uuids().map(str),
    setting=st.builds(
        Setting,
        bundle=names,
        policy=names,
        week=names,
        base=names,
        moment=st.integers(0, 2**62),
        circumstances=st.dictionaries(names, numbers, max_size=3),
    ),
    propensity=numbers,
    customer_id=st.text(min_size=1, max_size=8),
    status=names,
    held_out=st.booleans(),
    consents=numbers,
    facts=names,
    scores=st.dictionaries(names, st.lists(numbers, max_size=3).map(tuple), max_size=3),
    chosen=names,
    considered=st.lists(offers, max_size=3).map(tuple),
)


@settings(max_examples=60)
@given(decision=decisions)
def test_a_decision_comes_back_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, decision: Decision
) -> None:
    shelf = tmp_path_factory.getbasetemp() / "keys"
    with closing(CustomerKeys(shelf, b"a key")) as keys:
        key = keys.in_use([decision.customer_id])[decision.customer_id]
        assert said(decision_of(record_of(decision, key), keys)) == said(decision)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("releases.decision_record.about_customer", about_before)
            before = record_of(decision, key)
        assert said(decision_of(before, keys)) == said(decision)


def about_before(decision: Decision) -> dict[str, Any]:
    """As records had it before: each number in hexadecimal, and a row for each offer that was considered."""
    rows = [[*each[:3], each.net_value.hex(), each.cost.hex()] for each in decision.considered]
    scores = {name: [each.hex() for each in part] for name, part in decision.scores.items()}
    return {**about_customer(decision), "scores": scores, "considered": rows}


def test_what_was_written_is_found_with_all_it_said(home: Home) -> None:
    made = [decision_for(f"c-{k}") for k in range(5)]
    write(home, made)
    assert [said(read(home, each.decision_id)) for each in made] == [said(each) for each in made]
    with pytest.raises(Refused, match="holds no decision"):
        find(home, new_id())


def test_the_customer_stands_nowhere_in_clear(home: Home) -> None:
    write(home, [decision_for("somebody-known") for _ in range(30)], segment_bytes=5_000)
    compact(home)
    files = [path.read_bytes() for path in home.decisions.rglob("*") if path.is_file()]
    assert len(files) > 4
    for data in files:
        assert b"somebody-known" not in data
        assert b"in_base" not in data


def test_ids_are_of_version_7_sort_by_time_and_never_repeat() -> None:
    ids = [new_id() for _ in range(5_000)]
    assert len(set(ids)) == len(ids)
    assert {(uuid.UUID(each).version, uuid.UUID(each).variant) for each in ids} == {(7, uuid.RFC_4122)}
    times = [decided_at(each) for each in ids]
    assert times == sorted(times)
    assert [decided_at(each) for each in sorted(ids)] == times


def test_a_last_record_torn_at_any_byte_is_cut_off_and_nothing_before_it_is_lost(home: Home) -> None:
    made = [decision_for(f"c-{k}") for k in range(4)]
    write(home, made)
    path = home.decisions / "writer-001" / "segment-000001.log"
    whole = path.read_bytes()
    *_, begins, ends = bounds(whole)
    for cut in range(begins, ends):
        path.write_bytes(whole[:cut])
        (state,) = verify_chains(home)
        assert (state.decisions, state.torn, state.faults) == (3, cut - begins, [])
        chain = claim(home.decisions, home.key())
        chain.append([(made[3].decision_id, whole[begins + 40 : ends])])
        chain.close()
        assert path.read_bytes() == whole


def test_a_segment_whose_first_record_is_torn_is_begun_anew(home: Home) -> None:
    made = [decision_for(f"c-{k}") for k in range(12)]
    write(home, made, segment_bytes=2_000)
    *_, last = sorted((home.decisions / "writer-001").glob("*.log"))
    whole = last.read_bytes()
    before = decisions_written(home) - (len(bounds(whole)) - 2)
    for cut in range(bounds(whole)[1]):
        last.write_bytes(whole[:cut])
        assert decisions_written(home) == before
        chain = claim(home.decisions, home.key(), 2_000)
        chain.append([])
        chain.close()
        assert last.read_bytes() == whole[: bounds(whole)[1]]


@pytest.mark.parametrize("kept", [0, 7, 40, 300], ids=lambda bytes_: f"{bytes_} bytes written")
def test_what_a_power_cut_left_unwritten_is_cut_off(home: Home, kept: int) -> None:
    """The file had grown, but its last pages were never written."""
    write(home, [decision_for(f"c-{k}") for k in range(3)])
    path = home.decisions / "writer-001" / "segment-000001.log"
    whole = path.read_bytes()
    *_, begins, ends = bounds(whole)
    path.write_bytes(whole[: begins + kept] + bytes(ends - begins - kept))
    if kept == 7:  # a head of which a part was written is no head
        assert "record 3" in verify_chains(home)[0].faults[0]
        return
    assert decisions_written(home) == 2
    write(home, [decision_for("c-9")])
    assert decisions_written(home) == 3


def test_a_flipped_bit_anywhere_is_found_and_named(home: Home) -> None:
    write(home, [decision_for(f"c-{k}") for k in range(3)])
    path = home.decisions / "writer-001" / "segment-000001.log"
    whole = path.read_bytes()
    starts = bounds(whole)
    chance = random.Random(1)
    for place in range(len(whole)):
        record = sum(start <= place for start in starts[:-1]) - 1
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        (fault,) = verify_chains(home)[0].faults
        assert f"{path}, record {record} " in fault, place


def test_a_damaged_chain_is_left_for_people_and_another_one_begun(home: Home) -> None:
    first = [decision_for(f"c-{k}") for k in range(3)]
    write(home, first)
    path = home.decisions / "writer-001" / "segment-000001.log"
    damaged = bytearray(path.read_bytes())
    damaged[-100] ^= 1
    path.write_bytes(damaged)
    later = decision_for("c-4")
    write(home, [later])
    assert path.read_bytes() == bytes(damaged)
    assert said(read(home, later.decision_id)) == said(later)
    assert said(read(home, first[1].decision_id)) == said(first[1])
    with pytest.raises(Refused, match=r"record 3 .*damaged"):
        find(home, first[2].decision_id)
    assert [len(state.faults) for state in verify_chains(home)] == [1, 0]


WRITING = """
import sys
from pathlib import Path
from releases.home import Home
from releases.decision_log import DecisionLog
sys.path.insert(0, str(Path(sys.argv[2]).parent))
from test_decision_log import decision_for
log = DecisionLog(Home(Path(sys.argv[1])), segment_bytes=20_000)
for k in range(1_000_000):
    decisions = [decision_for(f"c-{k % 50}") for _ in range(1 + k % 3)]
    log.append(decisions).result(60)
    print(*(each.decision_id for each in decisions), flush=True)
"""


def test_a_killed_process_loses_nothing_that_it_acknowledged(home: Home) -> None:
    acknowledged: list[str] = []
    for kills_after in (1, 37, 60):
        command = [sys.executable, "-c", WRITING, str(home.path), __file__]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            for _ in range(kills_after):
                acknowledged += process.stdout.readline().split()
            process.send_signal(signal.SIGKILL)
            acknowledged += process.stdout.read().split()  # told before it was killed
    assert len(acknowledged) > 98
    assert decisions_written(home) >= len(acknowledged)
    for each in acknowledged:
        assert read(home, each).decision_id == each
    # The dead held nothing: one chain served them all.
    assert len(verify_chains(home)) == 1


TOGETHER = """
import os, sys
from pathlib import Path
from releases.home import Home
from releases.decision_log import DecisionLog
sys.path.insert(0, str(Path(sys.argv[2]).parent))
from test_decision_log import decision_for
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        log = DecisionLog(Home(Path(sys.argv[1])), segment_bytes=20_000)
        for k in range(25):
            log.append([decision_for(f"c-{k}")]).result(60)
        log.close()
        os._exit(0)
    children.append(child)
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


def test_processes_that_begin_together_share_customers_and_nothing_else(home: Home) -> None:
    home.path.mkdir()
    subprocess.run([sys.executable, "-c", TOGETHER, str(home.path), __file__], check=True)
    assert decisions_written(home) == 100
    rows = [
        json.loads(frame.body)
        for state in verify_chains(home)
        for number in range(1, state.segments + 1)
        for frame in frames_of(read_bytes(home.decisions / state.writer, number), "")
    ]
    keys = {(row["customer"], row["key"]) for row in rows if row["kind"] == "decision"}
    assert len(keys) == 25


def test_threads_share_a_forced_write_and_each_finds_its_own(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced = []
    force = os.fdatasync
    monkeypatch.setattr(chain_module.os, "fdatasync", lambda file: (forced.append(file), force(file)))
    log = DecisionLog(home)
    made = [[decision_for(f"c-{thread}") for _ in range(10)] for thread in range(24)]

    def work(mine: list[Decision]) -> None:
        for each in mine:
            log.write([each])

    threads = [threading.Thread(target=work, args=(mine,)) for mine in made]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    log.close()
    assert decisions_written(home) == 240
    assert len(forced) < 240 / 2
    for mine in made:
        assert said(read(home, mine[-1].decision_id)) == said(mine[-1])


def test_two_that_write_have_a_chain_each_and_the_next_goes_on_with_the_first(home: Home) -> None:
    one, other = DecisionLog(home), DecisionLog(home)
    for log in (one, other, one):
        log.write([decision_for("c-1")])
    one.close()
    other.close()
    write(home, [decision_for("c-2")])
    assert [state.decisions for state in verify_chains(home)] == [3, 1]
    assert decisions_written(home) == 4


def test_a_disk_that_is_too_slow_is_as_good_as_none(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(DecisionLog(home)) as log:
        log.write([decision_for("c-1")])
        force = os.fdatasync
        monkeypatch.setattr(chain_module.os, "fdatasync", lambda file: (time.sleep(0.5), force(file)))
        monkeypatch.setattr(decision_log, "SECONDS_TO_DISK", 0.05)
        with pytest.raises(Refused, match=r"not on disk within 0.05 seconds"):
            log.write([decision_for("c-1")])


def test_a_closed_log_takes_no_decision(home: Home) -> None:
    log = DecisionLog(home)
    log.close()
    with pytest.raises(Refused, match="closed"):
        log.write([decision_for("c-1")])


@pytest.mark.parametrize("fails", ["pwrite", "fdatasync"])
def test_a_write_that_fails_is_refused_and_leaves_no_trace(
    home: Home, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    log = DecisionLog(home)
    log.write([decision_for("c-1")])
    path = home.decisions / "writer-001" / "segment-000001.log"
    before = path.read_bytes()
    write_some = os.pwrite

    def half(file: int, data: Any, at: int) -> int:
        write_some(file, bytes(data)[: len(data) // 2], at)
        raise OSError(5, "Input/output error")

    def refuse(_file: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(chain_module.os, fails, half if fails == "pwrite" else refuse)
        for _ in range(2):
            with pytest.raises(Refused, match="Input/output error"):
                log.write([decision_for("c-1")])
    last = decision_for("c-1")
    log.write([last])
    log.close()
    assert path.read_bytes()[: len(before)] == before
    assert decisions_written(home) == 2
    assert said(read(home, last.decision_id)) == said(last)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Home]:
    """A home on a file system of one megabyte."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs of limited size takes root")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    try:
        yield Home(folder / "home")
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("customers", [10, 10_000], ids=["the log fills it", "the keys fill it"])
def test_on_a_full_disk_nothing_is_acknowledged_and_with_space_it_goes_on(disk: Home, customers: int) -> None:
    disk.path.mkdir()
    ballast = disk.path / "ballast"
    ballast.write_bytes(bytes(300_000))
    acknowledged: list[Decision] = []
    last = decision_for("c-0")
    with closing(DecisionLog(disk, segment_bytes=100_000)) as log:

        def fill() -> None:
            for k in range(10_000):
                made = decision_for(f"c-{k % customers}")
                log.write([made])
                acknowledged.append(made)

        with pytest.raises(Refused, match=r"No space left|disk is full"):
            fill()
        with pytest.raises(Refused):
            log.write([decision_for("c-0") for _ in range(500)])
        assert len(acknowledged) > 40
        assert decisions_written(disk) == len(acknowledged)
        ballast.unlink()
        log.write([last])
    assert decisions_written(disk) == len(acknowledged) + 1
    for each in (acknowledged[0], acknowledged[-1], last):
        assert said(read(disk, each.decision_id)) == said(each)


def test_full_segments_become_parquet_and_the_chain_still_verifies(home: Home) -> None:
    made = [decision_for(f"c-{k % 7}") for k in range(40)]
    write(home, made, segment_bytes=5_000)
    folder = home.decisions / "writer-001"
    (before,) = verify_chains(home)
    raw = {path.stem: path.read_bytes() for path in folder.glob("*.log")}
    done = compact(home)
    (after,) = verify_chains(home)
    assert after.faults == []
    assert (after.end, after.decisions) == (before.end, 40)
    assert done.segments == after.compacted == before.segments - 1 > 2
    assert done.bytes_before == sum(len(data) for data in raw.values()) - len(raw[max(raw)])
    for each in made:
        assert said(read(home, each.decision_id)) == said(each)
    rows = [row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    plain = [row for row in rows if row["id"]]
    assert [row["id"] for row in plain] == [each.decision_id for each in made[: len(plain)]]
    assert {row["propensity"] for row in plain} == {1.0}
    assert {tuple(row["circumstances"]) for row in plain} == {(("budget_price", 0.1 + 0.2),)}
    assert len({row["customer"] for row in plain}) == 7
    assert compact(home).segments == 0
    write(home, [decision_for("c-1")], segment_bytes=5_000)
    assert decisions_written(home) == 41


def test_a_flipped_bit_in_a_compacted_segment_changes_nothing_unseen(home: Home) -> None:
    write(home, [decision_for(f"c-{k}") for k in range(12)], segment_bytes=5_000)
    compact(home)
    path = next(iter((home.decisions / "writer-001").glob("*.parquet")))
    whole = path.read_bytes()
    chance = random.Random(2)
    found = 0
    for _ in range(150):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        (state,) = verify_chains(home)
        found += bool(state.faults)
        # What is not found is what no record consists of, as a statistic.
        assert state.faults == [] or path.stem in state.faults[0]
        assert state.faults or state.decisions == 12
    assert found > 40  # about half of the file is records, and their bytes are drawn anew each time


def test_what_is_taken_away_or_exchanged_is_named(home: Home) -> None:
    write(home, [decision_for(f"c-{k}") for k in range(30)], segment_bytes=5_000)
    folder = home.decisions / "writer-001"
    second, third = folder / "segment-000002.log", folder / "segment-000003.log"
    two, three = second.read_bytes(), third.read_bytes()
    second.write_bytes(two[: bounds(two)[-2]])  # the last record of a sealed segment
    assert "not the" in verify_chains(home)[0].faults[0]
    second.write_bytes(three)
    assert "does not go on from" in verify_chains(home)[0].faults[0]
    second.unlink()
    assert f"{second.with_suffix('')}: missing" in verify_chains(home)[0].faults[0]
    second.write_bytes(two)
    seal = folder / "segment-000002.seal"
    text = seal.read_text()
    seal.write_text(text.replace('"records": ', '"records": 1'))
    assert "signed with another key" in verify_chains(home)[0].faults[0]
    seal.unlink()
    assert "no seal" in verify_chains(home)[0].faults[0]
    seal.write_text(text)
    assert decisions_written(home) == 30


def test_who_was_forgotten_is_gone_and_the_chain_still_verifies(home: Home) -> None:
    made = [decision_for(f"c-{k % 3}") for k in range(12)]
    log = DecisionLog(home, segment_bytes=5_000)
    for each in made:
        log.write([each])
    keys = CustomerKeys(home.decisions, home.key())
    (before,) = verify_chains(home)
    assert keys.forget("c-1")
    assert not keys.forget("c-1")
    assert not keys.forget("a stranger")
    keys.close()
    assert verify_chains(home) == [before]
    compact(home)
    assert decisions_written(home) == 12
    for each in made:
        if each.customer_id == "c-1":
            with pytest.raises(Refused, match="its customer was erased"):
                read(home, each.decision_id)
        else:
            assert said(read(home, each.decision_id)) == said(each)
    # The log that was open all the while hides what comes now under another key.
    later = decision_for("c-1")
    log.write([later])
    log.close()
    assert said(read(home, later.decision_id)) == said(later)
    with pytest.raises(Refused, match="its customer was erased"):
        read(home, made[1].decision_id)


def test_no_byte_of_a_forgotten_key_is_left_in_the_store(tmp_path: Path) -> None:
    chance = random.Random(3)
    keys = CustomerKeys(tmp_path, b"a key")
    other = CustomerKeys(tmp_path, b"a key")  # as the service holds it open
    wrapped: dict[str, bytes] = {}
    gone: dict[str, bytes] = {}
    for round_ in range(6):
        customers = [f"c-{round_}-{k}" for k in range(300)]
        keys.in_use(customers)
        for customer in customers:
            pseudonym = keys.pseudonym(customer)
            row = other._file.execute("select wrapped from key where customer = ?", (pseudonym,)).fetchone()
            wrapped[customer] = row[0]
        for customer in chance.sample(sorted(wrapped), 60):
            assert keys.forget(customer)
            gone[customer] = wrapped.pop(customer)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert "keys.sqlite" in files
    assert len(files["keys.sqlite-wal"]) == 0
    for customer, secret in gone.items():
        for name, data in files.items():
            assert secret not in data, (customer, name)
            assert secret[12:44] not in data, (customer, name)
    assert all(secret in files["keys.sqlite"] for secret in wrapped.values())
    keys.close()
    other.close()


def test_a_record_cannot_be_passed_off_as_another_decisions(tmp_path: Path) -> None:
    keys = CustomerKeys(tmp_path, b"a key")
    key = keys.in_use(["c-1"])["c-1"]
    one, other = (json.loads(record_of(decision_for("c-1"), key)) for _ in range(2))
    for change in ({"personal": other["personal"]}, {"id": other["id"]}, {"week": "another"}):
        with pytest.raises(Refused, match="cannot be decrypted"):
            decision_of(json.dumps({**one, **change}).encode(), keys)
    keys.close()


def test_another_homes_key_opens_nothing(tmp_path: Path) -> None:
    keys = CustomerKeys(tmp_path, b"a key")
    key = keys.in_use(["c-1"])["c-1"]
    keys.close()
    stranger = CustomerKeys(tmp_path, b"another key")
    assert stranger.pseudonym("c-1") != key.customer
    with pytest.raises(Refused, match="another home's key"):
        stranger.secret(key.customer, key.number)
    stranger.close()


def test_a_store_of_keys_that_is_none_is_refused_and_so_is_the_decision(home: Home) -> None:
    home.decisions.mkdir(parents=True)
    (home.decisions / "keys.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(Refused, match="store of customers' keys cannot be used"):
        write(home, [decision_for("c-1")])
    assert verify_chains(home) == []


def test_equal_decisions_say_the_same_and_others_do_not() -> None:
    one = decision_for("c-1")
    assert about_customer(replace(one, decision_id=new_id())) == about_customer(one)
    assert about_customer(replace(one, consents=math.nextafter(3.0, 4.0))) != about_customer(one)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
        max_leaves=20,
    ).map(lambda value: {"value": value, "id": "x"})
)
def test_a_record_is_packed_to_the_bytes_that_older_versions_packed(said: dict[str, Any]) -> None:
    # What is encrypted is bound to these bytes, and they are made again when it is read.
    older = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    assert packed(said) == older
    assert packed(json.loads(older)) == older
