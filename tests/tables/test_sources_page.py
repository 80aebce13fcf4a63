"""The worked examples in docs/sources.md, run as they stand on the page."""

import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from tables.source import import_source

NAMED_BLOCK = re.compile(r"^`([\w./]+)`:\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def page(root: Path) -> list[str]:
    """The page's sections, by their headings."""
    return (root / "docs/sources.md").read_text(encoding="utf-8").split("\n## ")


def test_the_shop_in_csv_files_prints_what_the_page_says(page: list[str], tmp_path: Path) -> None:
    section = next(section for section in page if section.startswith("A shop in CSV"))
    _write_blocks(section, tmp_path, {"raw/receipts.csv": "cp1252"})
    program = re.search(r"```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    printed = re.search(r"It prints:\n\n```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert program
    assert printed
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program[1]],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.stderr == ""
    assert run.stdout == printed[1]
    amounts = pq.read_table(tmp_path / "tables/transactions.parquet")["amount"].to_pylist()
    assert amounts == [500, 220, -250]


def test_the_shop_in_postgresql_delivers_its_lines(
    page: list[str], tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = next(section for section in page if section.startswith("A shop in PostgreSQL"))
    _write_blocks(section, tmp_path, {})
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute("create table orders (order_id int, buyer_id int, placed_at timestamptz)")
        server.execute("create table items (order_id int, line int, pieces int, price numeric(10, 2))")
        server.execute("insert into orders values (1, 17, '2025-03-29 10:00+08')")
        server.execute("insert into items values (1, 1, 2, 12.50), (1, 2, 1, 0.99)")
    monkeypatch.setenv("SHOP_DATABASE", postgres)
    import_source(tmp_path, None, tmp_path / "into")
    rows = pq.read_table(tmp_path / "into/transactions.parquet").to_pylist()
    assert {row["event_id"]: row["amount"] for row in rows} == {"1-1": 2500, "1-2": 99}


def _write_blocks(section: str, folder: Path, encodings: dict[str, str]) -> None:
    for name, text in NAMED_BLOCK.findall(section):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding=encodings.get(name, "utf-8"))
