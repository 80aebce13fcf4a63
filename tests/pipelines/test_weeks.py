"""The week in parts, what the job says it took, and going back among the weeks that are kept."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipelines import score as score_job
from pipelines.disk import is_full
from releases.home import Home
from releases.week import read_week_about, read_week_rows, week_parts
from tables.history import read_histories
from tables.refusal import Refused

Command = Callable[..., Any]


def week_of(home: Path) -> Path:
    return home / "weeks" / Home(home).published().week


def test_a_week_has_one_part_a_bucket_and_every_customer_once(home: Path) -> None:
    about = read_week_about(week_of(home), Home(home).key())
    histories = read_histories(Home(home).current_base() / "histories")
    sizes = np.diff(histories.buckets).tolist()
    assert len(sizes) == 4
    assert [part.rows for part in about.parts] == sizes
    assert [table.num_rows for table in week_parts(week_of(home))] == sizes
    assert read_week_rows(week_of(home))["customer_id"].to_pylist() == histories.ids.tolist()


def test_how_customers_are_parted_changes_no_row(
    command: Command, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = shutil.copytree(home, tmp_path / "other")
    monkeypatch.setattr("tables.sorting.CUSTOMERS_A_BUCKET", 1000)
    monkeypatch.setattr("pipelines.first_pass.CUSTOMERS_AT_ONCE", 7)
    assert command("check", "--home", other).code == 0
    assert command("score", "--home", other).code == 0
    ours, theirs = read_week_rows(week_of(home)), read_week_rows(week_of(other))
    assert ours.combine_chunks().equals(theirs.combine_chunks())
    one, many = (read_week_about(week_of(each), Home(each).key()) for each in (other, home))
    assert len(one.parts) == 1
    assert vars(one) | {"parts": (), "base": ""} == vars(many) | {"parts": (), "base": ""}


def test_a_few_customers_are_read_from_their_own_parts_only(home: Path) -> None:
    everyone = read_week_rows(week_of(home))["customer_id"].to_pylist()
    broken = week_of(home) / "scores" / "part-001.parquet"
    assert read_week_rows(week_of(home), ["nobody", "", "~"]).num_rows == 0
    in_broken = pq.read_table(broken)["customer_id"][0].as_py()
    broken.write_bytes(b"")
    some = [everyone[-1], everyone[3]]
    assert read_week_rows(week_of(home), some)["customer_id"].to_pylist() == some[::-1]
    assert read_week_rows(week_of(home), some, ["status"]).column_names == ["status"]
    with pytest.raises(Refused, match=r"part-001\.parquet: damaged"):
        read_week_rows(week_of(home), [in_broken])


def test_the_job_says_what_each_stage_took_and_how_much_memory(command: Command, home: Path) -> None:
    told = command("score", "--home", home, "--json").json
    assert {
        "opening",
        "assessing",
        "applying the rules",
        "planning",
        "writing",
        "checking",
        "sealing",
    } <= set(told["stages"])
    assert told["stages"]["assessing"]["rows"] == 60
    assert all(stage["seconds"] >= 0 for stage in told["stages"].values())
    assert 50 < told["peak_memory_mb"] < 100_000
    assert told["kept"]["weeks"] == 1
    people = command("score", "--home", home).out
    assert "rows/s" in people
    assert "Memory at most" in people


def test_a_broken_week_is_refused_and_the_old_one_stays(
    command: Command, home: Path, hashes: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = hashes(home), score_job.write_parts

    def write(*given: Any) -> Any:
        parts, chosen = real(*given)
        return parts[:-1], chosen

    with monkeypatch.context() as patch:
        patch.setattr(score_job, "write_parts", write)
        said = command("score", "--home", home, "--as-of", "2025-09-01")
    assert said.code == 1
    assert "the staged week is broken: customers in the parts: expected 60, came " in " ".join(
        said.err.split()
    )
    assert {name: hashed for name, hashed in hashes(home).items() if name in before} == before
    assert len(list((home / "weeks").iterdir())) == 1


def test_going_back_to_a_week_by_its_name(command: Command, home: Path) -> None:
    moments = ("2025-09-01", "2025-09-02", "2025-09-03")
    first = Home(home).published().week
    scored = [command("score", "--home", home, "--as-of", each, "--json").json["week"] for each in moments]
    weeks = [first, *scored]
    kept = command("status", "--home", home, "--json").json
    assert [each["week"] for each in kept["weeks"]] == weeks[::-1]
    assert all(each["bytes"] > 0 for each in kept["weeks"])
    assert kept["disk_bytes"]["weeks"] >= sum(each["bytes"] for each in kept["weeks"])
    assert "Weeks kept" in command("status", "--home", home).out
    assert command("rollback", "--home", home, "--to", weeks[1], "--json").json["week"] == weeks[1]
    assert Home(home).published().week == weeks[1]
    for unknown in ("nothing", weeks[1], weeks[3]):
        said = command("rollback", "--home", home, "--to", unknown)
        assert said.code == 1
        assert f"no week {unknown!r} to go back to; there are {weeks[0]}" in " ".join(said.err.split())
    assert command("rollback", "--home", home, "--json").json["week"] == weeks[0]


def test_going_back_to_a_week_whose_base_is_damaged_is_refused(command: Command, home: Path) -> None:
    old = Home(home).published()
    base = Home(home).current_base()
    now = command("score", "--home", home, "--as-of", "2025-09-01", "--json").json["week"]
    (base / "histories" / "ids.parquet").write_bytes(b"")
    for to in ([], ["--to", old.week]):
        said = command("rollback", "--home", home, *to)
        assert said.code == 1
        assert "ids.parquet: damaged" in said.err
    assert Home(home).published().week == now


def test_old_weeks_go_after_publishing_and_their_bases_with_them(
    command: Command, home: Path, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = shutil.copytree(root / "config", tmp_path / "config")
    (config / "home.yaml").write_text("weeks_kept: 2\n")
    monkeypatch.setenv("HOLDFAST_CONFIG", str(config))
    first = Home(home).published().week
    for as_of in ("2025-09-01", "2025-09-02"):
        score = command("score", "--home", home, "--as-of", as_of, "--json").json
    assert score["kept"]["weeks"] == 2
    assert f"weeks/{first}" in score["kept"]["removed"]
    assert len(list((home / "weeks").iterdir())) == 2
    assert len(Home(home).states()) == 2
    assert command("score", "--home", home, "--as-of", "2025-09-02").code == 0  # nothing more goes
    (config / "home.yaml").write_text("weeks_kept: none\n")
    said = command("score", "--home", home, "--as-of", "2025-09-03")
    assert said.code == 1
    assert "home.yaml:1: weeks_kept" in said.err


def test_a_full_disk_is_known_however_a_library_says_it() -> None:
    chained = ValueError("could not write")
    chained.__cause__ = OSError(28, "No space left on device")
    words = OSError("Not enough free space to write 9 bytes")
    for error in (OSError(28, ""), OSError(122, ""), words, chained):
        assert is_full(error)
    assert not is_full(OSError(5, "Input/output error"))
    assert not is_full(None)
