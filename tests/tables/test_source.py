"""Sources on files: what is imported, and what is refused in which words."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tables.engine import verify_parquet
from tables.refusal import Refused
from tables.source import import_source


def test_a_csv_becomes_a_table_and_the_base_is_stated(shop: Path) -> None:
    report = import_source(shop, shop, shop / "into")
    base = json.loads((shop / "into/base.json").read_text())
    rows = pq.read_table(shop / "into/transactions.parquet").to_pylist()
    assert report.rows == {"transactions": 2}
    assert base["time_zone"] == "Europe/Berlin"
    assert base["currency"] == "EUR"
    assert base["minor_units"] == 100
    assert base["counted"] == {}
    assert [row["event_id"] for row in rows] == ["007", "008"]
    assert sorted(path.name for path in (shop / "into").iterdir()) == ["base.json", "transactions.parquet"]


def test_a_naive_timestamp_is_in_the_time_zone_of_the_base(shop: Path) -> None:
    import_source(shop, shop, shop / "into")
    at = pq.read_table(shop / "into/transactions.parquet")["at"]
    assert at.type == pa.timestamp("us", "UTC")
    assert at.to_pylist() == [datetime(2025, 7, 1, 10, tzinfo=UTC), datetime(2025, 1, 1, 11, tzinfo=UTC)]


def test_a_date_is_the_first_moment_of_its_day_there(shop: Path) -> None:
    _edit(shop / "transactions.sql", "as timestamp)", "as date)")
    import_source(shop, shop, shop / "into")
    at = pq.read_table(shop / "into/transactions.parquet")["at"]
    assert at.to_pylist()[0] == datetime(2025, 6, 30, 22, tzinfo=UTC)


def test_views_are_shared_and_left_out_lines_are_counted(shop: Path) -> None:
    (shop / "views").mkdir()
    (shop / "views/sold.sql").write_text("select * from lines where cents <> '99';")
    (shop / "counted.sql").write_text(
        "select 'for 99' as what, count(*) as rows from lines where cents = '99'"
    )
    _edit(shop / "transactions.sql", "from lines", "from sold")
    report = import_source(shop, shop, shop / "into")
    assert report.rows == {"transactions": 1}
    assert report.base.counted == {"for 99": 1}


def test_rows_come_in_the_order_of_the_select_and_progress_is_told(shop: Path) -> None:
    (shop / "transactions.sql").write_text("select range as event_id from range(600000) order by range desc")
    told: list[tuple[str, int]] = []
    import_source(shop, shop, shop / "into", lambda table, rows: told.append((table, rows)))
    ids = pq.read_table(shop / "into/transactions.parquet")["event_id"].to_pylist()
    assert ids == list(range(599_999, -1, -1))
    assert told[-1] == ("transactions", 600_000)
    assert len(told) > 2


def test_pages_carry_checksums_that_find_one_flipped_bit(shop: Path) -> None:
    import_source(shop, shop, shop / "into")
    path = shop / "into/transactions.parquet"
    assert verify_parquet(path) == 2
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(0)
    whole = bytearray(path.read_bytes())
    whole[(chunk.dictionary_page_offset or chunk.data_page_offset) + chunk.total_compressed_size - 1] ^= 1
    path.write_bytes(whole)
    with pytest.raises(Refused, match="damaged"):
        verify_parquet(path)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_a_csv_in_its_stated_encoding_is_read(shop: Path, encoding: str) -> None:
    (shop / "lines.csv").write_bytes(_text_with("Zoë").encode(encoding))
    _edit(shop / "source.yaml", 'delimiter: ";"', f'delimiter: ";", encoding: {encoding}')
    import_source(shop, shop, shop / "into")
    assert pq.read_table(shop / "into/transactions.parquet")["customer_id"].to_pylist()[0] == "Zoë"


def test_quotes_and_signs_in_a_csv_are_text(shop: Path) -> None:
    ids = ["#1", "#2", 'a "b"; c', "'", "\\", "two\nlines"]
    quoted = ['"' + each.replace('"', '""') + '"' if each[0] not in "#'\\" else each for each in ids]
    lines = [f"{each};ann;2025-07-01;1" for each in quoted]
    (shop / "lines.csv").write_text("\n".join(["id;customer;at;cents", *lines]) + "\n")
    import_source(shop, shop, shop / "into")
    assert pq.read_table(shop / "into/transactions.parquet")["event_id"].to_pylist() == ids


def test_chinese_text_longer_than_one_chunk_survives(shop: Path) -> None:
    lines = [f"{i};顾客{i};2025-07-01 12:00:00;1" for i in range(60_000)]
    text = "\n".join(["id;customer;at;cents", *lines]) + "\n"
    (shop / "lines.csv").write_bytes(text.encode("gb18030"))
    _edit(shop / "source.yaml", 'delimiter: ";"', 'delimiter: ";", encoding: gb18030')
    import_source(shop, shop, shop / "into")
    names = pq.read_table(shop / "into/transactions.parquet")["customer_id"].to_pylist()
    assert names == [f"顾客{i}" for i in range(60_000)]


def test_a_csv_in_another_encoding_is_refused_with_what_to_write(shop: Path) -> None:
    (shop / "lines.csv").write_bytes(_text_with("Zoë").encode("cp1252"))
    with pytest.raises(Refused, match=r"lines\.csv: expected utf-8, .* 0xeb .*encoding: cp1252"):
        import_source(shop, shop, shop / "into")
    assert not (shop / "into/base.json").exists()


def test_several_files_are_one_view_in_the_order_of_their_names(shop: Path) -> None:
    (shop / "lines.csv").rename(shop / "day-2.csv")
    (shop / "day-1.csv").write_text("id;customer;at;cents\n001;cid;2025-07-01;1\n")
    _edit(shop / "source.yaml", "lines.csv", "day-*.csv")
    import_source(shop, shop, shop / "into")
    ids = pq.read_table(shop / "into/transactions.parquet")["event_id"].to_pylist()
    assert ids == ["001", "007", "008"]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("source.yaml", "Europe/Berlin", "Berlin", "IANA name"),
        ("source.yaml", "EUR", "euro", r"source\.yaml.*\n  currency"),
        ("source.yaml", "minor_units", "minor", r"(?s)minor_units.*minor: Extra"),
        ("source.yaml", "name: shop", "name: [", "expected YAML"),
        ("source.yaml", "path: lines.csv", "path: line.csv", r"files, lines: expected line\.csv"),
        ("source.yaml", "path: lines.csv", "path: /lines.csv", "below the raw folder"),
        ("source.yaml", "  lines:", "  Lines:", "small letters"),
        ("source.yaml", 'delimiter: ";"', "encoding: klingon", "encoding 'klingon' is unknown"),
        ("transactions.sql", "from lines", "from line", r"transactions\.sql: .*(?s:.*)can read lines"),
        ("transactions.sql", "cast(cents", "cast(customer", "Could not convert string 'ann'"),
        ("lines.csv", "99", "9;9", "lines"),
    ],
)
def test_a_mistake_is_refused_where_it_was_made(
    shop: Path, file: str, old: str, new: str, message: str
) -> None:
    _edit(shop / file, old, new)
    with pytest.raises(Refused, match=message):
        import_source(shop, shop, shop / "into")


@pytest.mark.parametrize("bad", ["9;9;9;9;9", "9;9", '9;"9'])
def test_a_line_of_another_width_far_down_is_refused_and_not_left_out(shop: Path, bad: str) -> None:
    lines = [f"{i};ann;2025-07-01 12:00:00;1" for i in range(100_000)]
    lines[90_000] = bad
    (shop / "lines.csv").write_text("\n".join(["id;customer;at;cents", *lines]) + "\n")
    with pytest.raises(Refused, match=r"(?s)Line: 90002.*file = .*lines\.csv"):
        import_source(shop, shop, shop / "into")


def test_an_empty_csv_is_refused(shop: Path) -> None:
    (shop / "lines.csv").write_text("")
    with pytest.raises(Refused, match=r"lines\.csv: the file is empty"):
        import_source(shop, shop, shop / "into")


def test_a_table_that_the_contract_does_not_know_is_refused(shop: Path) -> None:
    (shop / "client.sql").write_text("select 1")
    with pytest.raises(Refused, match=r"client\.sql is no table"):
        import_source(shop, shop, shop / "into")


def test_a_source_needs_a_table_its_yaml_and_its_raw_folder(shop: Path) -> None:
    with pytest.raises(Refused, match="name the folder"):
        import_source(shop, None, shop / "into")
    (shop / "transactions.sql").unlink()
    with pytest.raises(Refused, match=r"at least customers\.sql or transactions\.sql"):
        import_source(shop, shop, shop / "into")
    (shop / "source.yaml").unlink()
    with pytest.raises(Refused, match="expected a folder with"):
        import_source(shop, shop, shop / "into")


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _text_with(name: str) -> str:
    return f"id;customer;at;cents\n007;{name};2025-07-01 12:00:00;250\n"
