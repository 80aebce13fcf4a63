"""The limit of memory is obeyed by whole commands: what a process has resident stays below it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines import first_pass
from tables.sealed import MANIFEST, point, pointed, sealed_folder

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what a process had resident"),
]
# Libraries and compiled code alone take up to 560 MB of a process that checks and scores; 96 are kept free.
LIMIT_MB, TRAINING_LIMIT_MB = 700, 1_200
# These texts name something of one customer; the others name what all customers share.
OWN = ("customer_id", "event_id", "merged_into", "returns_event_id", "contact_id", "referred_customer_id")
# Runs commands one after the other in one process, and prints the most it had resident during each, in MB.
MEASURING = """
import json, sys
from pathlib import Path
from pipelines import cli
peaks = {}
for command in sys.argv[1].split(";"):
    Path("/proc/self/clear_refs").write_text("5")
    sys.argv = ["holdfast", *command.split()]
    try:
        cli.main()
    except SystemExit as end:
        assert not end.code, command
    status = Path("/proc/self/status").read_text()
    peaks[command.split()[0]] = int(status.split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps(peaks))
"""


def several(rows: pa.Table, copies: int) -> pa.Table:
    """The same rows of so many times as many customers."""
    made = []
    for k in range(copies):
        part = rows
        for name in set(OWN) & set(rows.column_names):
            column = pc.binary_join_element_wise(rows[name].cast(pa.string()), str(k), "+")
            part = part.set_column(part.column_names.index(name), name, column)
        made.append(part)
    return pa.concat_tables(made)


@pytest.fixture(scope="module")
def grown(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """A home whose incoming tables have so many times the customers of `published`, and its models."""

    def grow(copies: int) -> Path:
        home = tmp_path_factory.mktemp("grown") / "home"
        shutil.copytree(published / "bundles", home / "bundles")
        shutil.copy(published / "signing.key", home)
        state = json.loads((published / "published.json").read_text())["states"][-1]
        state |= {"policy": "", "week": ""}
        (home / "published.json").write_text(json.dumps({"states": [state]}))
        incoming = pointed(published / "incoming")
        assert incoming
        with sealed_folder(home / "incoming") as staged:
            ours = shutil.ignore_patterns(MANIFEST)
            shutil.copytree(incoming, staged.path, ignore=ours, dirs_exist_ok=True)
            for path in staged.path.glob("*.parquet"):
                rows = pq.read_table(path)
                if "customer_id" in rows.column_names:
                    pq.write_table(several(rows, copies), path, write_page_checksum=True)
        point(home / "incoming", staged.name)
        return home

    return grow


def peaks(home: Path, commands: tuple[str, ...], limit: int | None, root: Path) -> dict[str, float]:
    config = shutil.copytree(root / "config", home.parent / f"config-{limit}", dirs_exist_ok=True)
    # Four copies of a customer are no four customers: differences look surer than they are.
    policy = (config / "policy.yaml").read_text(encoding="utf-8")
    assert "most_difference: 0.25" in policy
    text = policy.replace("most_difference: 0.25", "most_difference: 0.95")
    (config / "policy.yaml").write_text(text, encoding="utf-8")
    with (config / "home.yaml").open("a") as file:
        file.write(f"memory_limit_mb: {limit}\n" if limit else "")
    done = subprocess.run(
        [sys.executable, "-c", MEASURING, ";".join(f"{each} --home {home} --json" for each in commands)],
        env=os.environ | {"HOLDFAST_CONFIG": str(config)},
        cwd=home.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def large(grown: Callable[[int], Path]) -> Path:
    """So large that to check it breaks the limit, with room: of 14 copies it has 650 MB resident."""
    return grown(20)


@pytest.fixture(scope="module")
def within(large: Path, root: Path) -> dict[str, float]:
    """What jobs over the large base had resident under the limit: what was checked comes again as a feed, all
    of it repeated, and then the base is rebuilt."""
    return peaks(large, ("check", "merge", "rebuild"), LIMIT_MB, root)


def test_a_base_is_checked_within_a_limit_that_it_would_break(
    large: Path, within: dict[str, float], root: Path, tmp_path: Path
) -> None:
    assert within["check"] < LIMIT_MB
    home = tmp_path / "home"
    shutil.copytree(large / "incoming", home / "incoming")
    assert peaks(home, ("check",), None, root)["check"] > LIMIT_MB


def test_a_feed_as_large_as_its_base_is_merged_and_the_base_rebuilt_within_the_limit(
    large: Path, within: dict[str, float]
) -> None:
    assert max(within.values()) < LIMIT_MB, within
    rows = json.loads((large / "refused" / "check.json").read_text(encoding="utf-8"))["tables"]
    assert all(table["repeated"] == table["rows"] for table in rows.values())


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_models_are_trained_within_a_limit_that_they_would_break(
    holdfast: Callable[..., Any], tmp_path: Path, root: Path
) -> None:
    home = tmp_path / "trained" / "home"
    holdfast("simulate", "--home", home, "--customers", "8000")
    holdfast("check", "--home", home)
    assert peaks(home, ("train",), None, root)["train"] > TRAINING_LIMIT_MB
    assert peaks(home, ("train",), TRAINING_LIMIT_MB, root)["train"] < TRAINING_LIMIT_MB


def test_a_week_is_scored_within_the_limit(grown: Callable[[int], Path], root: Path) -> None:
    found = peaks(grown(4), ("check", "score"), LIMIT_MB, root)
    assert max(found.values()) < LIMIT_MB, found


def test_a_limit_under_which_nothing_works_is_refused(grown: Callable[[int], Path], root: Path) -> None:
    home = grown(1)
    with pytest.raises(AssertionError, match="least that works here is"):
        peaks(home, ("check",), 50, root)
    assert not pointed(home / "bases")


def test_smaller_batches_make_the_same_week(
    home: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def scored() -> tuple[str, dict[str, bytes]]:
        week = Path(command("score", "--home", home, "--json").json["path"])
        return week.name, {path.name: path.read_bytes() for path in (week / "scores").iterdir()}

    whole = scored()
    monkeypatch.setattr(first_pass, "CUSTOMERS_AT_ONCE", 5)
    assert scored() == whole
