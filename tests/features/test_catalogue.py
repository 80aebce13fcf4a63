"""The catalogue: what the facts are called, and when they are missing."""

import re
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features.catalogue import FAMILIES
from features.family import OWNERS, SENSITIVITIES
from features.reader import facts_of, missing_columns, names_of, read_facts
from tables.code import keys_of
from tables.contract import CUSTOMER_TABLES, INTERACTION_KINDS, TABLES
from tables.history import Histories, read_histories
from tables.moment import DAY, HOUR
from tables.record import RECORD_TYPES, STORED_TYPES
from tables.sorting import write_made

T = 20_000 * DAY


def test_there_are_enough_facts_each_with_a_name_of_its_own() -> None:
    assert 260 <= len(names_of()) <= 300
    assert len(set(names_of())) == len(names_of())
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


def test_every_fact_says_what_it_means_in_both_languages() -> None:
    for name, fact, window in facts_of():
        assert fact.meaning
        assert fact.unit
        assert any("\u4e00" <= sign <= "\u9fff" for sign in fact.chinese), name
        if window:
            assert name.endswith(f"_{window}d") or fact.days == window
            assert str(window) in fact.meaning
            assert str(window) in fact.chinese
    for said in (
        [fact.meaning for _, fact, _ in facts_of()],
        [fact.chinese for _, fact, _ in facts_of()],
    ):
        assert len(set(said)) == len(said)


def test_every_fact_has_an_owner_a_sensitivity_and_a_version() -> None:
    for family in FAMILIES:
        assert family.owner in OWNERS, family.name
        for name, fact, _ in family.facts:
            assert fact.sensitivity in SENSITIVITIES, name
            assert re.fullmatch(r"\d+\.\d+\.\d+", fact.since), name


def test_what_came_with_the_first_version_is_closed() -> None:
    assert sum(fact.since == "0.1.0" for _, fact, _ in facts_of()) == 225


def test_every_source_is_a_table_or_a_column_of_the_contract() -> None:
    for family in FAMILIES:
        for source in family.sources:
            name, _, column = source.partition(".")
            assert name in CUSTOMER_TABLES
            assert not column or column in RECORD_TYPES[name].names, source
            assert name in family.sources


OPTIONAL = [f"{n}.{c.name}" for n, t in TABLES.items() for c in t.columns.values() if not c.required]


@pytest.mark.parametrize(
    "without",
    [
        ("transactions.discount", "products.list_price", "interactions.case_id", "customers.birth_on"),
        ("products", "offers", "points", "surveys", "responses"),
        ("interactions", "contacts", "customers.merged_into", "transactions.product_id"),
        ("customers", "responses.revenue", "transactions.channel", "interactions.rating"),
        tuple(each for each in OPTIONAL if not each.endswith(("known_at", "deleted"))),
    ],
)
def test_what_is_missing_makes_exactly_its_facts_missing(
    without: tuple[str, ...], random_base: Callable[..., Any], moments: tuple[int, ...], tmp_path: Path
) -> None:
    base = random_base(3)
    for row in base.rows["customers"]:
        row["merged_into"] = None  # a base without customers knows no mergers
    whole, part = base.write(tmp_path / "whole"), base.write(tmp_path / "part", without)
    places = np.array([k for k, id_ in enumerate(whole.ids) if id_ in set(part.ids)])
    ours = read_facts(whole, places, moments[1])
    theirs = read_facts(part, part.places(list(whole.ids[places])), moments[1])
    missing = missing_columns(FAMILIES, part.present)
    assert 0 < missing.sum() < len(missing)
    assert np.isnan(theirs.values[:, missing]).all()
    kept = ~missing & (np.array(names_of()) != "days_since_first_event")  # of the tables that are there
    assert ours.values[:, kept].tobytes() == theirs.values[:, kept].tobytes()


def one_history(folder: Path, **tables: Any) -> Histories:
    """The histories of one customer with these stored records."""
    ids = pa.array(["c"])
    rows = {name: tables.get(name, np.zeros(0, STORED_TYPES[name])) for name in CUSTOMER_TABLES}
    for each in rows.values():
        each["seen_at"] = each["at"]
        each["event_id"] = np.arange(len(each)) + 1
    folder.mkdir(exist_ok=True)
    columns = {name: list(TABLES[name].columns) for name in TABLES}
    base = {"columns": columns, "time_zone": "UTC", "currency": "EUR", "minor_units": 2}
    write_made(folder, ids, {n: (keys_of(ids)[[0] * len(r)], r) for n, r in rows.items()}, base, 1)
    return read_histories(folder)


def lines(count: int) -> Any:
    rows = np.zeros(count, STORED_TYPES["transactions"])
    rows["quantity"] = 1
    return rows


def fact(histories: Histories, name: str, t: int = T) -> float:
    return float(read_facts(histories, np.zeros(1, np.int64), t).column(name)[0])


def test_orders_at_the_same_moment_are_told_apart(tmp_path: Path) -> None:
    rows = lines(7)
    rows["at"] = [T - 9 * DAY, *[T - DAY] * 5, T - HOUR]
    rows["order_id"] = [1, 1, 1, 2, 2, 3, 3]  # order 1 and order 3 each at two moments: two orders each
    rows["quantity"] = [1, -1, 2, 1, 1, 1, -1]  # the second order 3 is only a return
    histories = one_history(tmp_path, transactions=rows)
    assert fact(histories, "orders_ever") == 4
    assert fact(histories, "orders_7d") == 3
    assert fact(histories, "max_days_between_orders") == 8
    assert fact(histories, "median_days_between_orders") == 0
    assert fact(histories, "returned_lines_7d") == 2


def test_an_answer_after_24_hours_sharp_is_not_late(tmp_path: Path) -> None:
    rows = np.zeros(5, STORED_TYPES["interactions"])
    rows["at"] = [T - 9 * DAY, T - 9 * DAY, T - 8 * DAY, T - 8 * DAY + 1, T - DAY]
    kinds = ["opened", "opened", "answered", "answered", "opened"]
    rows["kind"] = [INTERACTION_KINDS.index(f"complaint_{kind}") + 1 for kind in kinds]
    rows["case_id"] = [1, 2, 1, 2, 3]
    histories = one_history(tmp_path, interactions=rows)
    assert fact(histories, "late_answer_share") == 1 / 2  # case 3 has waited for 24 hours, and is neither
    assert fact(histories, "late_answer_share", T + 1) == 2 / 3
    assert fact(histories, "open_complaints") == 3


def test_a_solution_after_72_hours_sharp_is_not_late(tmp_path: Path) -> None:
    rows = np.zeros(4, STORED_TYPES["interactions"])
    rows["at"] = [T - 9 * DAY, T - 6 * DAY, T - 6 * DAY, T - 3 * DAY + 1]
    rows["kind"] = [
        INTERACTION_KINDS.index(f"complaint_{kind}") + 1 for kind in ("opened", "opened", *["solved"] * 2)
    ]
    rows["case_id"] = [1, 2, 1, 2]
    histories = one_history(tmp_path, interactions=rows)
    assert fact(histories, "late_solution_share_728d") == 1 / 2
    assert fact(histories, "late_solutions_364d") == 1
    assert fact(histories, "overdue_complaints_728d", T - 4 * DAY) == 0  # case 2 has waited for 48 hours


@pytest.mark.parametrize(("points", "to_gift", "to_product"), [(999, 1, 4001), (1000, 0, 4000), (5000, 0, 0)])
def test_the_steps_of_the_points_ladder(points: int, to_gift: int, to_product: int, tmp_path: Path) -> None:
    rows = np.zeros(1, STORED_TYPES["points"])
    rows["at"] = T - DAY
    rows["kind"], rows["points"] = 1, points
    histories = one_history(tmp_path, points=rows)
    assert fact(histories, "points_short_of_1000") == to_gift
    assert fact(histories, "points_short_of_5000") == to_product


def test_orders_of_one_day_are_one_purchase(tmp_path: Path) -> None:
    rows = lines(4)
    rows["at"] = [T - 9 * DAY, T - 9 * DAY + HOUR, T - 2 * DAY, T - 2 * DAY + 3 * HOUR]
    rows["order_id"] = [1, 2, 3, 4]
    rows["amount"] = [100, 200, 300, 400]
    histories = one_history(tmp_path, transactions=rows)
    assert fact(histories, "repeat_purchase_days") == 1
    assert fact(histories, "days_from_first_to_last_purchase") == 7
    assert fact(histories, "mean_repeat_day_spend") == 700
    assert fact(histories, "mean_repeat_order_spend") == 300


def test_the_order_rate_changed_where_orders_stopped(tmp_path: Path) -> None:
    rows = lines(20)
    rows["at"] = T - 140 * DAY - 7 * DAY * np.arange(20)[::-1]
    rows["order_id"] = np.arange(20) + 1
    histories = one_history(tmp_path, transactions=rows)
    assert fact(histories, "days_since_order_rate_change_728d") == 140
    assert fact(histories, "order_rate_change_728d") == -1


def test_a_run_up_is_the_fourteen_days_that_end_with_the_holiday(tmp_path: Path) -> None:
    holiday = (date(2024, 9, 17) - date(1970, 1, 1)).days  # Mid-Autumn, 17 days before T
    rows = lines(4)
    rows["at"] = np.array([holiday - 14, holiday - 13, holiday, holiday + 1]) * DAY
    rows["order_id"] = [1, 2, 3, 4]
    histories = one_history(tmp_path, transactions=rows)
    assert fact(histories, "mid_autumn_order_share_728d") == 2 / 4
    assert fact(histories, "has_ordered_before_last_mid_autumn") == 1
    assert fact(histories, "has_ordered_before_last_mid_autumn", (holiday - 14) * DAY) == 0
    assert fact(histories, "days_to_next_own_holiday", (holiday + 1) * DAY) == 383  # 6 October 2025


@pytest.mark.parametrize("year", [1997, 2006, 2036])
def test_outside_the_calendar_nothing_is_said_of_holidays(year: int, tmp_path: Path) -> None:
    t = (date(year, 7, 1) - date(1970, 1, 1)).days * DAY
    rows = lines(1)
    rows["at"] = t - DAY
    histories = one_history(tmp_path, transactions=rows)
    assert np.isnan(fact(histories, "christmas_order_share_728d", t))
    assert np.isnan(fact(histories, "has_ordered_before_last_christmas", t))
    assert fact(histories, "orders_7d", t) == 1


def test_an_empty_history_has_counts_of_zero_and_no_recency(tmp_path: Path) -> None:
    histories = one_history(tmp_path)
    assert fact(histories, "orders_ever") == 0
    assert np.isnan(fact(histories, "days_since_last_order"))
    assert np.isnan(fact(histories, "days_since_first_event"))
    assert np.isnan(fact(histories, "level"))


def test_a_business_account_with_200_000_lines_takes_less_than_a_second(tmp_path: Path) -> None:
    count = 200_000
    rng = np.random.default_rng(1)
    rows = lines(count)
    rows["at"] = np.sort(T - rng.integers(0, 700 * DAY, count))
    for column in ("order_id", "product_id", "store_id"):
        rows[column] = rng.integers(1, 5_000, count)
    rows["amount"] = rng.integers(1, 10_000, count)
    interactions = np.zeros(count, STORED_TYPES["interactions"])
    interactions["at"] = rows["at"]
    interactions["kind"] = rng.integers(1, 12, count)
    interactions["case_id"] = rng.integers(1, 20_000, count)
    histories = one_history(tmp_path, transactions=rows, interactions=interactions)
    read_facts(histories, np.zeros(1, np.int64), T)
    begun = time.perf_counter()
    read_facts(histories, np.zeros(1, np.int64), T)
    assert time.perf_counter() - begun < 1


def test_two_customers_merged_are_one_from_then_on(
    random_base: Callable[..., Any], moments: tuple[int, ...], tmp_path: Path
) -> None:
    base = random_base(0, customers=0)
    base.ids = ["a", "b"]
    for k, customer_id in enumerate(["a", "b", "b"]):
        line = base.new_row("transactions", customer_id)
        at = moments[0] - (k + 1) * DAY
        line |= {"quantity": 1, "amount": 100, "order_id": f"o{k}", "at": at, "known_at": at}
        base.rows["transactions"].append(line)
    merger = base.new_row("customers", "b") | {"at": moments[0], "known_at": moments[0] + DAY}
    base.rows["customers"].append(merger | {"merged_into": "a"})
    histories = base.write(tmp_path)
    places = histories.places(["a", "b"])
    before = read_facts(histories, places, moments[0] + DAY - 1)
    after = read_facts(histories, places, moments[0] + DAY)
    assert before.column("orders_ever").tolist() == [1, 2]
    assert after.column("orders_ever").tolist() == [3, 0]
    assert after.column("median_days_between_orders")[0] == 1
