"""`holdfast merge`: weeks that come in as feeds give the base that all of them together give."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

Command = Callable[..., Any]
Feeds = tuple[list[dict[str, pa.Table]], str]
LetIn = Callable[[Path, dict[str, pa.Table], str], None]
HistoriesOf = Callable[[Path], dict[str, bytes]]


def test_feed_after_feed_gives_the_base_of_all_together(
    command: Command, home: Path, feeds: Feeds, let_in: LetIn, histories_of: HistoriesOf
) -> None:
    parts, base = feeds
    whole = histories_of(home)
    let_in(home, parts[0], base)
    assert command("check", "--home", home).code == 0
    assert histories_of(home) != whole
    for part in parts[1:]:
        let_in(home, part, base)
        said = command("merge", "--home", home, "--json").json
        assert sum(table["refused"] for table in said["tables"].values()) == 0
        assert said["cells"]["left"] > 0
    assert histories_of(home) == whole
    rebuilt = command("rebuild", "--home", home, "--json").json
    assert rebuilt["same"]
    assert command("score", "--home", home).code == 0


def test_what_came_before_and_comes_again_is_one_event(
    command: Command, home: Path, feeds: Feeds, let_in: LetIn, histories_of: HistoriesOf
) -> None:
    parts, base = feeds
    before = histories_of(home)
    let_in(home, parts[2], base)
    said = command("merge", "--home", home, "--json").json
    assert all(table["hold"] == 0 for table in said["tables"].values())
    assert said["tables"]["transactions"]["repeated"] == len(parts[2]["transactions"])
    assert histories_of(home) == before


def test_a_row_that_contradicts_one_of_the_base_is_refused(
    command: Command, home: Path, feeds: Feeds, let_in: LetIn, histories_of: HistoriesOf
) -> None:
    parts, base = feeds
    before = histories_of(home)
    rows = parts[2]["transactions"]
    other = rows.set_column(rows.column_names.index("amount"), "amount", pc.add(pc.abs(rows["amount"]), 1))
    other = other.set_column(rows.column_names.index("quantity"), "quantity", pc.abs(rows["quantity"]))
    let_in(home, {"transactions": other}, base)
    said = command("merge", "--home", home, "--json")
    assert said.code == 1
    assert "an event has one version at one moment" in said.out
    assert histories_of(home) == before


def test_a_feed_that_lacks_a_column_of_the_base_is_refused(
    command: Command, home: Path, feeds: Feeds, let_in: LetIn
) -> None:
    parts, base = feeds
    let_in(home, {"transactions": parts[2]["transactions"].drop_columns(["discount"])}, base)
    said = command("merge", "--home", home)
    assert said.code == 1
    assert "transactions lack discount" in said.err


def test_a_response_to_a_contact_that_nobody_made_is_refused(
    command: Command, home: Path, feeds: Feeds, let_in: LetIn
) -> None:
    parts, base = feeds
    rows = next(part["responses"] for part in reversed(parts) if "responses" in part)[:1]
    for column, value in (("event_id", "new"), ("contact_id", "nobody")):
        rows = rows.set_column(rows.column_names.index(column), column, pa.array([value]))
    let_in(home, {"responses": rows}, base)
    said = command("merge", "--home", home, "--share", "1", "--json")
    assert "contact_id names a row of contacts" in said.out


def test_past_moments_are_read_again(command: Command, home: Path, tmp_path: Path) -> None:
    out = tmp_path / "facts"
    moments = ("--from", "2026-06-01", "--to", "2026-08-01", "--every", "28")
    said = command("backfill", "--home", home, "--out", out, *moments, "--json").json
    assert len(said["files"]) == 3
    one = command(
        "features", "--home", home, "--out", tmp_path / "one.parquet", "--as-of", "2026-06-29", "--json"
    )
    assert one.code == 0
    assert pq.read_table(said["files"][1]).equals(pq.read_table(tmp_path / "one.parquet"))


def test_a_base_that_grew_is_rebuilt_in_as_many_buckets_as_before(
    command: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tables.sorting.CUSTOMERS_A_BUCKET", 4)
    assert command("rebuild", "--home", home, "--json").json["same"]
    assert not command("rebuild", "--home", home, "--buckets", "8", "--json").json["same"]
