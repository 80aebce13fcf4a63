"""Spark imports a source as the local engine does, or says why it does not."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.reader import read_facts
from tables.checking import check_tables
from tables.history import read_histories
from tables.refusal import Refused
from tables.sorting import write_histories
from tables.source import ImportReport, import_source

pytestmark = pytest.mark.long
NAMED_BLOCK = re.compile(r"^`([\w./]+)`:\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def shop(root: Path, tmp_path: Path) -> Path:
    """The shop of docs/sources.md, whose tills write CSV in another encoding."""
    section = (root / "docs/sources.md").read_text(encoding="utf-8").split("\n## ")[1]
    assert section.startswith("A shop in CSV")
    source = tmp_path / "shop"
    for name, text in NAMED_BLOCK.findall(section):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="cp1252" if "receipts" in name else "utf-8")
    return source


def by_spark(spark: Any, source: Path, raw: str | None, into: Path) -> tuple[Any, dict[str, int]]:
    from pipelines.spark.folder import place_of  # noqa: PLC0415
    from pipelines.spark.source import import_source as imported  # noqa: PLC0415

    return imported(spark, source, raw, place_of(into))


def assert_same(spark: Any, source: Path, raw: Path, tmp_path: Path) -> ImportReport:
    """Both engines import the same, and check it to the same rows."""
    from pipelines.spark.check import check_tables as checked_by_spark  # noqa: PLC0415
    from pipelines.spark.folder import place_of  # noqa: PLC0415

    local = import_source(source, raw, tmp_path / "local/came")
    base, rows = by_spark(spark, source, str(raw), tmp_path / "spark/came")
    assert (base, rows) == (local.base, local.rows)
    here, there = tmp_path / "local", tmp_path / "spark"
    checked = check_tables(here / "came", here / "tables", here / "refused", now=NOW)
    ours = checked_by_spark(spark, place_of(there / "came"), place_of(there / "out"), share=0.01, now=NOW)
    for name, check in checked.tables.items():
        assert ours.tables[name].hold == check.hold
        assert ours.tables[name].refused == check.refused
        assert rows_in(there / f"out/tables/{name}.parquet") == rows_in(here / f"tables/{name}.parquet")
    return local


def rows_in(path: Path) -> Counter[str]:
    return Counter(map(str, pq.read_table(path).to_pylist()))


def test_the_shop_in_csv_files_is_the_same_by_spark(spark: Any, shop: Path, tmp_path: Path) -> None:
    local = assert_same(spark, shop, shop / "raw", tmp_path)
    assert local.base.counted == {"purchases without a card": 1}


def test_a_shared_view_several_files_and_a_silent_column_are_the_same(
    spark: Any, shop: Path, tmp_path: Path
) -> None:
    settings = (shop / "source.yaml").read_text().replace("receipts.csv", "receipts*.csv")
    (shop / "source.yaml").write_text(settings.replace("cards: cards.csv", "cards: cards.parquet"))
    cards = {"card": ["K-17"], "since": ["2024-05-01"], "e-mail allowed": ["yes"]}
    pq.write_table(pa.table(cards), shop / "raw/cards.parquet")
    text = (shop / "raw/receipts.csv").read_text(encoding="cp1252")
    more = (
        'receipt;line;time;card;article;pieces;euros\n0009;1;2025-10-26 02:30;K-17;"of\ntwo lines";1;1,00\n'
    )
    (shop / "raw/receipts2.csv").write_text(more, encoding="cp1252")
    assert text.count("\n") == 5
    (shop / "views").mkdir()
    (shop / "views/all_lines.sql").write_text("select *, null as nothing from receipts;")
    lines = (shop / "transactions.sql").read_text().replace("from receipts", "from all_lines")
    (shop / "transactions.sql").write_text(
        lines.replace("'store' as channel", "'store' as channel, nothing as store_id, nothing as discount")
    )
    local = assert_same(spark, shop, shop / "raw", tmp_path)
    assert local.rows["transactions"] == 4
    assert spark.sql("show views").count() == 0


def test_cdnow_is_the_same_by_spark(
    spark: Any, root: Path, data: Callable[[str], Path], tmp_path: Path
) -> None:
    local = assert_same(spark, root / "config/sources/cdnow", data("cdnow"), tmp_path)
    assert local.rows == {"transactions": 69_659}


@pytest.mark.usefixtures("spark")
def test_from_raw_files_to_facts_by_commands_of_spark_alone(
    command: Callable[..., Any], shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.spark import source as job  # noqa: PLC0415

    monkeypatch.setattr(job, "source_of_name", lambda _: shop)
    engine = ("--engine", "spark", "--master", "local[2]", "--json", "--home", tmp_path / "home")
    came, out, facts = tmp_path / "came", tmp_path / "out", tmp_path / "facts"
    said = command("import", "shop", "--raw", shop / "raw", *engine, "--out", came)
    assert said.code == 0, said.err
    assert said.json["rows"] == {"customers": 2, "transactions": 3}
    said = command("check", *engine, "--tables", came, "--out", out)
    assert said.code == 0, said.err
    said = command("features", *engine, "--tables", out / "tables", "--out", facts)
    assert said.code == 0, said.err
    import_source(shop, shop / "raw", tmp_path / "local/came")
    check_tables(tmp_path / "local/came", tmp_path / "local/tables", tmp_path / "local/refused", now=NOW)
    write_histories(tmp_path / "local/tables", tmp_path / "local/histories")
    histories = read_histories(tmp_path / "local/histories")
    local = read_facts(histories, np.arange(len(histories)), histories.last_at)
    rows = {row["customer_id"]: row for row in pq.read_table(facts).to_pylist()}
    assert len(rows) == len(histories) == 2
    values = [[rows[each][name] for name in local.names] for each in histories.ids]
    assert np.array_equal(np.array(values, float), local.values, equal_nan=True)


def test_what_spark_does_not_import_is_refused(spark: Any, shop: Path, tmp_path: Path) -> None:
    def refused(words: str, raw: str | None = str(shop / "raw")) -> None:
        with pytest.raises(Refused, match=words):
            by_spark(spark, shop, raw, tmp_path / "into")
        assert not (tmp_path / "into/base.json").exists()

    refused("is no Parquet", "s3a://shop/raw")
    refused("--raw", None)
    cards = shop / "customers.sql"
    kept = cards.read_text()
    cards.write_text("select cast(card as varchar) as event_id from cards")
    refused(r"customers\.sql: .*VARCHAR(.|\n)*Spark's SQL(.|\n)*receipts, cards")
    cards.write_text(kept.replace("'B2C'", "cast('x' as integer)"))
    refused(r"customers\.sql: .*CAST_INVALID_INPUT")
    cards.write_text(kept)
    (shop / "raw/receipts.csv").write_bytes((shop / "raw/receipts.csv").read_bytes() + b"\x81")
    refused("cp1252")
    settings = shop / "source.yaml"
    settings.write_text(settings.read_text() + "postgres: {uri: x, tables: {}}\n")
    refused("without --engine spark")


def test_files_of_one_view_have_one_header(spark: Any, shop: Path, tmp_path: Path) -> None:
    settings = (shop / "source.yaml").read_text()
    (shop / "source.yaml").write_text(settings.replace("cards.csv", "cards*.csv"))
    (shop / "raw/cards2.csv").write_text("card,e-mail allowed,since\nK-19,yes,2024-05-01\n")
    with pytest.raises(Refused, match="expected the header"):
        by_spark(spark, shop, str(shop / "raw"), tmp_path / "into")
