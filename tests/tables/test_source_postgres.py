"""PostgreSQL as a source, against a real server."""

from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from tables.refusal import Refused
from tables.source import import_source

SETTINGS = """
name: shop
time_zone: Asia/Shanghai
currency: CNY
minor_units: 100
postgres:
  uri: "${HOLDFAST_TEST_SHOP}"
  tables:
    sold: select id, buyer, sold_at, local_at, cast(round(price * 100) as bigint) as cents from orders
    people: select name, born from people order by name
"""
TRANSACTIONS = """
select cast(id as varchar) as event_id, sold_at as at, local_at as known_at, buyer as customer_id,
    cast(id as varchar) as order_id, 1 as quantity, cents as amount
from sold order by id
"""
CUSTOMERS = (
    "select name as event_id, date '2020-01-01' as at, name as customer_id, born as birth_on from people"
)


@pytest.fixture
def shop(postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute("create table people (name text, born date)")
        server.execute("insert into people values ('安', '1990-02-03'), ('博', null)")
        server.execute(
            "create table orders (id bigint, buyer text, sold_at timestamptz, local_at timestamp, "
            "price numeric(10, 2))"
        )
        server.execute(
            "insert into orders select i, case when i % 2 = 0 then '安' else '博' end, "
            "timestamptz '2025-01-01 00:00+08' + i * interval '1 minute', timestamp '2025-06-01', i + 0.25 "
            "from generate_series(1, 100000) as i"
        )
    monkeypatch.setenv("HOLDFAST_TEST_SHOP", postgres)
    (tmp_path / "source.yaml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "transactions.sql").write_text(TRANSACTIONS, encoding="utf-8")
    (tmp_path / "customers.sql").write_text(CUSTOMERS, encoding="utf-8")
    return tmp_path


def test_rows_of_a_server_become_tables(shop: Path) -> None:
    report = import_source(shop, None, shop / "into")
    people = {row["event_id"]: row for row in pq.read_table(shop / "into/customers.parquet").to_pylist()}
    rows = pq.read_table(shop / "into/transactions.parquet").to_pylist()
    assert report.rows == {"customers": 2, "transactions": 100_000}
    assert people["安"]["birth_on"] == date(1990, 2, 3)
    assert rows[0]["amount"] == 125
    assert rows[0]["customer_id"] == "博"
    assert rows[0]["at"] == datetime(2024, 12, 31, 16, 1, tzinfo=UTC)
    assert rows[0]["known_at"] == datetime(2025, 5, 31, 16, tzinfo=UTC)


def test_a_select_that_fails_is_named(shop: Path) -> None:
    _edit(shop, "from people order", "from persons order")
    with pytest.raises(Refused, match=r'postgres, people: .*"persons" does not exist'):
        import_source(shop, None, shop / "into")


def test_a_select_cannot_write(shop: Path) -> None:
    _edit(shop, "select name, born from people order by name", "delete from people returning name, born")
    with pytest.raises(Refused, match="read-only transaction"):
        import_source(shop, None, shop / "into")


def test_a_missing_variable_is_named(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOLDFAST_TEST_SHOP")
    with pytest.raises(Refused, match="the environment has no HOLDFAST_TEST_SHOP"):
        import_source(shop, None, shop / "into")


def test_an_error_never_shows_the_password(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_TEST_SHOP", "postgresql://reader:s3cret@127.0.0.1:1/shop?s3cret")
    with pytest.raises(Refused, match="the connection") as caught:
        import_source(shop, None, shop / "into")
    assert "s3cret" not in str(caught.value)


def _edit(shop: Path, old: str, new: str) -> None:
    text = (shop / "source.yaml").read_text(encoding="utf-8")
    assert old in text
    (shop / "source.yaml").write_text(text.replace(old, new), encoding="utf-8")
