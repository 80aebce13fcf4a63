"""`holdfast merge`: weeks that come in as feeds give the base that all of them together give."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from releases.home import Home
from tables.sealed import point, pointed, sealed_folder

Command = Callable[..., Any]


def let_in(home: Path, tables: dict[str, pa.Table], base: str) -> None:
    """Let these tables come in."""
    with sealed_folder(home / "incoming") as staged:
        (staged.path / "base.json").write_text(base)
        for name, rows in tables.items():
            pq.write_table(rows, staged.path / f"{name}.parquet")
    point(home / "incoming", staged.name)


def histories_of(home: Path) -> dict[str, bytes]:
    folder = Home(home).current_base() / "histories"
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def known(rows: pa.Table) -> pa.ChunkedArray:
    """When each row was known, microseconds."""
    clocks = [rows[name].cast(pa.int64()) for name in ("at", "known_at") if name in rows.column_names]
    return pc.max_element_wise(*clocks)


@pytest.fixture
def feeds(home: Path) -> tuple[list[dict[str, pa.Table]], str]:
    """The tables of `home` as three feeds by when they were known, the first with all announcements."""
    whole = pointed(home / "incoming")
    assert whole
    tables = {path.stem: pq.read_table(path) for path in whole.glob("*.parquet")}
    cuts = [int(each) for each in pc.quantile(known(tables["transactions"]), [0.8, 0.9]).to_pylist()]
    parts: list[dict[str, pa.Table]] = [{}, {}, {}]
    for name, rows in tables.items():
        clock = known(rows)
        if name in ("products", "offers"):
            parts[0][name] = rows
            continue
        for k, (low, high) in enumerate(((-(2**62), cuts[0]), (cuts[0], cuts[1]), (cuts[1], 2**62))):
            inside = rows.filter(pc.and_(pc.greater(clock, low), pc.less_equal(clock, high)))
            if len(inside):
                parts[k][name] = inside
    return parts, (whole / "base.json").read_text()


def test_feed_after_feed_gives_the_base_of_all_together(
    command: Command, home: Path, feeds: tuple[list[dict[str, pa.Table]], str]
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
    command: Command, home: Path, feeds: tuple[list[dict[str, pa.Table]], str]
) -> None:
    parts, base = feeds
    before = histories_of(home)
    let_in(home, parts[2], base)
    said = command("merge", "--home", home, "--json").json
    assert all(table["hold"] == 0 for table in said["tables"].values())
    assert said["tables"]["transactions"]["repeated"] == len(parts[2]["transactions"])
    assert histories_of(home) == before


def test_a_row_that_contradicts_one_of_the_base_is_refused(
    command: Command, home: Path, feeds: tuple[list[dict[str, pa.Table]], str]
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
    command: Command, home: Path, feeds: tuple[list[dict[str, pa.Table]], str]
) -> None:
    parts, base = feeds
    let_in(home, {"transactions": parts[2]["transactions"].drop_columns(["discount"])}, base)
    said = command("merge", "--home", home)
    assert said.code == 1
    assert "transactions lack discount" in said.err


def test_a_response_to_a_contact_that_nobody_made_is_refused(
    command: Command, home: Path, feeds: tuple[list[dict[str, pa.Table]], str]
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
