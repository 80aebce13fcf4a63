"""The nine tables against the contract, and what a reader may rely on beyond it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from simulator import World
from simulator.record import schema
from tables.contract import KEYS, TABLES

Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def ask(small: Path) -> Query:
    base = duckdb.connect()
    base.execute("set timezone = 'Asia/Shanghai'")
    for name in TABLES:
        base.execute(f"create view {name} as from '{small / name}.parquet'")
    return lambda query: base.execute(query).fetchall()


@pytest.mark.parametrize("name", TABLES)
def test_columns_and_types_are_the_contracts(name: str, small: Path) -> None:
    assert pq.read_schema(small / f"{name}.parquet").equals(schema(name))


@pytest.mark.parametrize("name", TABLES)
def test_every_rule_holds(name: str, ask: Query) -> None:
    for rule, condition in TABLES[name].rules.items():
        assert ask(f"select * from {name} where not ({condition}) limit 1") == [], rule
    for column in TABLES[name].columns.values():
        quoted = f'"{column.name}"'
        if column.required:
            assert ask(f"select * from {name} where {quoted} is null limit 1") == [], column
        if column.choices:
            words = f"unnest(string_split({quoted}, ','))"
            found = {word for (word,) in ask(f"select distinct {words} from {name}")}
            assert found - {None, ""} <= set(column.choices)


@pytest.mark.parametrize("name", TABLES)
def test_what_a_row_refers_to_exists(name: str, ask: Query) -> None:
    for column in TABLES[name].columns.values():
        if column.references:
            key = KEYS[column.references]
            lost = f"select {column.name} from {name} where {column.name} is not null "
            assert ask(f"{lost} except select {key} from {column.references}") == [], column


@pytest.mark.parametrize("name", TABLES)
def test_nothing_is_known_before_it_happened_or_after_the_end(
    name: str, ask: Query, small_world: World
) -> None:
    end = f"timestamptz '{small_world.end.isoformat()}'"
    assert ask(f'select * from {name} where known_at < "at" or known_at > {end} limit 1') == []


@pytest.mark.parametrize("name", TABLES)
def test_a_version_of_an_event_is_told_once(name: str, ask: Query) -> None:
    assert ask(f"select event_id from {name} group by event_id, known_at having count(*) > 1") == []


def test_nobody_acts_before_joining(ask: Query) -> None:
    joined = "(select customer_id, min(joined_at) as joined from customers group by 1)"
    for name in ("transactions", "points", "interactions", "contacts", "responses", "surveys"):
        early = f'select * from {name} join {joined} using (customer_id) where "at" < joined limit 1'
        assert ask(early) == [], name


def test_points_are_never_spent_before_they_are_earned(ask: Query) -> None:
    lowest = """
        with mine as (select *, substr(customer_id, 3) as person from points),
        late as (select person from mine where known_at > "at"),
        running as (
            select sum(case kind when 'earned' then points else -points end) over (
                partition by person order by "at", kind = 'expired', event_id) as balance
            from mine where person not in (from late))
        select min(balance) from running"""
    assert ask(lowest)[0][0] >= 0


def test_returns_name_their_line_and_take_back_no_more(ask: Query) -> None:
    pairs = """
        with lines as (
            select distinct on (event_id) * from transactions order by event_id, known_at desc)
        select count(*), count(*) filter (r.quantity <> -o.quantity or r."at" <= o."at")
        from lines r join lines o on r.returns_event_id = o.event_id"""
    count, broken = ask(pairs)[0]
    assert count > 500
    assert broken == 0


def test_offers_are_contacted_only_while_valid_and_on_consented_channels(ask: Query) -> None:
    wrong = """
        select * from contacts c join offers o using (offer_id)
        where c."at" < o.starts_at or c."at" > o.ends_at
            or not list_contains(string_split(o.channels, ','), c.channel)
        limit 1"""
    assert ask(wrong) == []
    unwelcome = """
        select * from contacts c asof join customers k
            on c.customer_id = k.customer_id and c."at" >= k."at"
        where not list_contains(string_split(k.consents, ','), c.channel) limit 1"""
    assert ask(unwelcome) == []


def test_a_redemption_follows_an_accepted_contact_and_reaches_the_minimum(ask: Query) -> None:
    wrong = """
        with r as (select contact_id, max(revenue) as revenue, max("at") as redeemed,
            max("at") filter (kind = 'accepted') as accepted, max(kind = 'redeemed') as is_redeemed
            from responses group by 1)
        select count(*) filter (c.kind = 'held_back' or redeemed < accepted or r."redeemed" < c."at"
            or revenue < minimum_spend), count(*)
        from r join contacts c on c.event_id = r.contact_id join offers using (offer_id)
        where is_redeemed"""
    broken, count = ask(wrong)[0]
    assert count > 500
    assert broken == 0


def test_feeds_are_as_imperfect_as_real_ones(ask: Query) -> None:
    late = ask('select avg((known_at > "at")::int) from interactions')[0][0]
    assert 0.02 < late < 0.05
    assert ask("select count(*) from transactions where deleted")[0][0] > 20
    versions = "select 1 from transactions group by event_id having count(distinct amount) > 1"
    assert len(ask(versions)) > 50
    assert ask("select count(*) from customers where merged_into is not null")[0][0] >= 3
    assert ask("select count(*) from products")[0][0] > 512
    for column in ("level", "region", "consents"):
        moved = f"select 1 from customers group by customer_id having count(distinct {column}) > 1"
        assert len(ask(moved)) > 10, column


def test_the_truth_has_a_row_for_every_member_and_valid_offer(small: Path, small_world: World) -> None:
    base = duckdb.connect()
    for moment in small_world.truth_moments:
        truth, customers = small / f"truth/{moment:%Y-%m-%d}.parquet", small / "customers.parquet"
        joined = base.execute(
            f"select count(distinct customer_id) from '{customers}' "
            f"where joined_at <= timestamptz '{moment.isoformat()}' and customer_id like 'c-%'"
        ).fetchall()[0][0]
        valid = 1 + sum(offer.is_valid(104) for offer in small_world.offers)
        found = base.execute(f"select count(*), count(distinct customer_id) from '{truth}'")
        assert found.fetchall() == [(joined * valid, joined)]
