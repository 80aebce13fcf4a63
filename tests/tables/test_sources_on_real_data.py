"""The sources of the public data sets, on the data: known counts and totals, and nothing refused unseen."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tables.checking import CheckReport, check_tables
from tables.source import ImportReport, import_source


@dataclass
class Done:
    imported: ImportReport
    checked: CheckReport
    raw: Path
    into: Path

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the checked tables (by name) or the raw files (by path in {raw})."""
        with duckdb.connect() as connection:
            for path in self.into.glob("*.parquet"):
                connection.execute(f"create view {path.stem} as select * from '{path}'")
            return connection.execute(query.replace("{raw}", str(self.raw))).fetchall()


@pytest.fixture(scope="module")
def done(
    root: Path, data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Done]:
    finished: dict[str, Done] = {}

    def run(name: str) -> Done:
        if name not in finished:
            raw, folder = data(name), tmp_path_factory.mktemp(name)
            imported = import_source(root / "config/sources" / name, raw, folder / "incoming")
            checked = check_tables(
                folder / "incoming", folder / "into", folder / "refused", now=datetime.now(UTC)
            )
            finished[name] = Done(imported, checked, raw, folder / "into")
        return finished[name]

    return run


REFUSED = {("complete_journey_1y", "transactions"): 42}


@pytest.mark.parametrize("name", ["online_retail", "cdnow", "complete_journey_1y", "starbucks", "hillstrom"])
def test_a_source_is_usable_and_refuses_only_what_is_known(done: Callable[[str], Done], name: str) -> None:
    checked = done(name).checked
    assert checked.usable
    for table, check in checked.tables.items():
        assert check.rows == check.hold + check.refused
        assert check.refused == REFUSED.get((name, table), 0)
        assert check.ignored == []


def test_online_retail_accounts_for_every_line_and_customer(done: Callable[[str], Done]) -> None:
    it = done("online_retail")
    counted = it.imported.base.counted
    assert it.imported.rows["transactions"] + sum(counted.values()) == 1_044_847
    assert counted == {
        "adjustments": 64, "bad debt": 6, "discounts on whole invoices": 170, "fees and commissions": 53,
        "lines without a customer": 235_281, "manual entries": 1_096, "postage and carriage": 2_252,
        "samples and tests": 16,
    }  # fmt: skip
    assert it.ask("select count(distinct customer_id), count(*) from customers") == [(5_942, 5_973)]


def test_online_retail_has_the_money_of_the_raw_lines(done: Callable[[str], Done]) -> None:
    """Read anew from the files in another way: products are the codes of five digits and three by name."""
    raw = """with lines as (
        select InvoiceNo as i, StockCode as s, Quantity as q, UnitPrice as p, CustomerID as c
        from '{raw}/online_retail_2010_2011.parquet'
        union all
        select Invoice, StockCode, Quantity, Price, "Customer ID"
        from '{raw}/online_retail_ii_2009_2010.parquet' where cast(InvoiceDate as date) < '2010-12-01')
        select cast(sum(round(q * p * 100)) as bigint), cast(sum(q) as bigint), count(distinct i), count(*)
        from lines where c is not null
        and (regexp_matches(s, '^[0-9]{5}') or s in ('PADS', 'SP1002'))"""
    ours = """select cast(sum(amount) as bigint), cast(sum(quantity) as bigint), count(distinct order_id),
        count(*) from transactions"""
    it = done("online_retail")
    assert it.ask(ours) == it.ask(raw)
    returns = "select count(*) from transactions where quantity < 0 and not starts_with(order_id, 'C')"
    assert it.ask(returns) == [(0,)]


def test_online_retail_sells_in_london_time(done: Callable[[str], Done]) -> None:
    query = 'select min(epoch_us("at")), max(epoch_us("at")) from transactions where order_id = \'536365\''
    moment = int(datetime(2010, 12, 1, 8, 26, tzinfo=UTC).timestamp()) * 1_000_000
    assert done("online_retail").ask(query) == [(moment, moment)]


def test_cdnow_has_its_rows_its_days_and_its_money(done: Callable[[str], Done]) -> None:
    it = done("cdnow")
    ours = """select count(*), count(distinct customer_id), count(distinct order_id), sum(quantity),
        sum(amount) from transactions"""
    raw = """select count(*), count(distinct customer_id), count(distinct (customer_id, date)),
        sum(number_of_cds), cast(sum(round(dollar_value * 100)) as bigint)
        from '{raw}/CDNOW_master.parquet'"""
    assert it.ask(ours) == it.ask(raw)
    assert it.ask(ours)[0][:3] == (69_659, 23_570, 67_591)


def test_complete_journey_has_its_known_counts(done: Callable[[str], Done]) -> None:
    it = done("complete_journey_1y")
    assert it.imported.rows == {
        "customers": 2_406, "products": 92_331 + 5, "transactions": 100_000 - 577, "offers": 27,
        "contacts": 6_589, "responses": 2_102,
    }  # fmt: skip
    assert it.imported.base.counted == {"lines without a piece": 577}
    money = "select sum(amount) from transactions"
    raw = """select cast(sum(round((sales_value - coupon_disc) * 100)) as bigint)
        from '{raw}/transactions_sample.parquet'
        where quantity > 0 and round(sales_value - coupon_disc, 2) >= 0"""
    assert it.ask(money) == it.ask(raw)


def test_complete_journey_falls_into_its_own_weeks(done: Callable[[str], Done]) -> None:
    """Week 2 begins on Monday 2017-01-02 when days are taken five hours behind UTC."""
    query = """with lines as (
        select week, cast((t."at" at time zone 'UTC') - interval 5 hours as date) as day
        from transactions as t join '{raw}/transactions_sample.parquet' as raw
        on t.order_id = raw.basket_id and t.product_id = raw.product_id)
        select avg(cast(week = (day - date '2017-01-01' + 13) // 7 as integer)) from lines"""
    assert done("complete_journey_1y").ask(query)[0][0] > 0.999


def test_starbucks_keeps_every_event_of_the_transcript(done: Callable[[str], Done]) -> None:
    it = done("starbucks")
    assert it.imported.rows == {
        "customers": 17_000, "transactions": 138_953, "offers": 10, "contacts": 76_277,
        "responses": 57_725 + 33_579,
    }  # fmt: skip
    assert it.ask("select kind, count(*) from responses group by 1 order by 1") == [
        ("redeemed", 33_579), ("viewed", 57_725)
    ]  # fmt: skip
    raw = "select cast(sum(round(amount * 100)) as bigint) from '{raw}/transcript.parquet'"
    assert it.ask("select sum(amount) from transactions") == it.ask(raw)


def test_a_starbucks_response_names_a_live_contact_of_its_member_and_offer(
    done: Callable[[str], Done],
) -> None:
    query = """select count(*), max(epoch(r."at") - epoch(c."at")) <= 240 * 3600 from responses as r
        join contacts as c on c.event_id = r.contact_id and c.customer_id = r.customer_id
        and c."at" <= r."at" where r.kind = 'redeemed'"""
    assert done("starbucks").ask(query) == [(33_579, True)]


def test_a_starbucks_contact_is_redeemed_once_in_one_hour(done: Callable[[str], Done]) -> None:
    query = """select max(n) from (select count(*) as n from responses where kind = 'redeemed'
        group by contact_id, "at")"""
    assert done("starbucks").ask(query) == [(1,)]


def test_hillstrom_shows_the_published_effects(done: Callable[[str], Done]) -> None:
    """Visits of the mailed less visits of those held back, from the contract's tables alone."""
    query = """select c.offer_id, c.kind, count(*),
        round(100 * avg(cast(v.customer_id is not null as int)), 2)
        from contacts as c left join interactions as v
        on v.customer_id = c.customer_id and v."at" between c."at" and c."at" + interval 14 days
        group by all order by all"""
    mens_held, mens_sent, womens_held, womens_sent = done("hillstrom").ask(query)
    assert [row[2] for row in (mens_held, mens_sent, womens_held, womens_sent)] == [
        21_306, 21_307, 21_306, 21_387
    ]  # fmt: skip
    assert mens_sent[3] - mens_held[3] == pytest.approx(7.66, abs=0.01)
    assert done("hillstrom").ask("select distinct propensity from contacts") == [(1 / 3,)]
    assert womens_sent[3] - womens_held[3] == pytest.approx(4.52, abs=0.01)


def test_hillstrom_keeps_history_recency_and_spend(done: Callable[[str], Done]) -> None:
    it = done("hillstrom")
    ours = """select ends_with(order_id, 'past') as past, count(distinct order_id), sum(amount)
        from transactions group by 1 order by 1 desc"""
    raw = """select true, count(*), cast(sum(round(history * 100)) as bigint) from '{raw}/hillstrom.parquet'
        union all select false, count(*) filter (spend > 0), cast(sum(round(spend * 100)) as bigint)
        from '{raw}/hillstrom.parquet'"""
    assert sorted(it.ask(ours)) == sorted(it.ask(raw))
    ids = """select count(*) from transactions as t
        join (select cast(file_row_number + 1 as varchar) as id, * from '{raw}/hillstrom.parquet') as h
        on t.order_id = h.id || '-past'
        where date_diff('month', t."at", timestamptz '2008-03-04 05:00:00+00') = recency"""
    assert it.ask(ids) == it.ask("select count(*) from transactions where ends_with(order_id, 'past')")
