"""Checking: each kind of bad input is refused by the name of its rule, and nothing else is."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tables.checking import Broken, CheckReport, read_check
from tables.contract import TABLES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
Base = dict[str, Any]
Check = Callable[..., CheckReport]


def test_a_good_base_holds_whole(check: Check, good: Base, tmp_path: Path) -> None:
    report = check(good)
    assert report.usable
    assert {table: (c.rows, c.hold, c.refused) for table, c in report.tables.items()} == {
        table: (len(rows), len(rows), 0) for table, rows in good.items()
    }
    assert sorted(path.name for path in (tmp_path / "refused").iterdir()) == ["check.json"]
    assert read_check(tmp_path / "refused") == report


def test_what_holds_is_in_the_contracts_order_types_and_sorted(
    check: Check, good: Base, tmp_path: Path
) -> None:
    lines = good["transactions"]
    good["transactions"] = [{"colour": "red", **line} for line in reversed(lines)]
    report = check(good)
    table = pq.read_table(tmp_path / "into/transactions.parquet")
    expected = [
        "event_id", "at", "known_at", "deleted", "customer_id", "order_id", "quantity", "amount", "product_id"
    ]  # fmt: skip
    assert report.tables["transactions"].ignored == ["colour"]
    assert table.schema.names == expected
    assert table.schema.types == [
        pa.string(), pa.timestamp("us", "UTC"), pa.timestamp("us", "UTC"), pa.bool_(), pa.string(),
        pa.string(), pa.int64(), pa.int64(), pa.string(),
    ]  # fmt: skip
    assert table["event_id"].to_pylist() == ["t1", "t2", "t3"]
    assert table["known_at"].to_pylist() == table["at"].to_pylist()
    assert table["deleted"].to_pylist() == [False] * 3
    base = json.loads((tmp_path / "into/base.json").read_text())
    assert base["columns"]["transactions"] == expected
    assert base["currency"] == "EUR"


SPOILT: list[tuple[str, int, dict[str, Any], str]] = [
    ("transactions", 0, {"event_id": None}, "event_id is missing"),
    ("transactions", 0, {"customer_id": " "}, "customer_id is missing"),
    ("transactions", 0, {"amount": None}, "amount is missing"),
    ("transactions", 0, {"at": LATER, "known_at": LATER}, "at lies not in the future"),
    ("transactions", 0, {"known_at": LATER}, "known_at lies not in the future"),
    ("transactions", 0, {"known_at": NOW - timedelta(days=900)}, "known_at is not before at"),
    ("transactions", 0, {"amount": -1}, "a sale has no negative price"),
    ("transactions", 1, {"amount": 1}, "a return pays back"),
    ("transactions", 0, {"quantity": 0}, "a quantity is not zero"),
    ("transactions", 0, {"customer_id": "nobody"}, "customer_id names a row of customers"),
    ("transactions", 0, {"product_id": "nothing"}, "product_id names a row of products"),
    ("customers", 0, {"kind": "B2B2C"}, "kind is one of B2C, B2B"),
    ("customers", 0, {"merged_into": "nobody"}, "merged_into names a row of customers"),
    ("customers", 0, {"known_at": LATER}, "known_at lies not in the future"),
    ("products", 0, {"list_price": -1}, "a list price is not negative"),
    ("offers", 0, {"starts_at": None}, "starts_at is missing"),
    ("contacts", 0, {"propensity": float("nan")}, "propensity is finite"),
    ("contacts", 0, {"propensity": 0.0}, "a propensity is above 0 and at most 1"),
    ("contacts", 0, {"offer_id": "none"}, "offer_id names a row of offers"),
    ("responses", 0, {"contact_id": "none"}, "contact_id names a row of contacts"),
]


@pytest.mark.parametrize(("table", "place", "change", "rule"), SPOILT)
def test_a_spoilt_row_is_refused_by_name(
    check: Check, good: Base, tmp_path: Path, table: str, place: int, change: Base, rule: str
) -> None:
    good[table][place] |= change
    report = check(good)
    assert report.tables[table].broken[rule] == Broken(1, [place + 1])
    assert not report.usable
    refused = pq.read_table(tmp_path / f"refused/{table}.parquet").to_pylist()
    assert refused[0]["row_number"] == place + 1
    assert rule in refused[0]["reasons"]
    for column, value in change.items():
        assert str(refused[0][column]) == str(value)


def test_unlisted_consents_are_refused_and_none_is_a_choice(check: Check, good: Base) -> None:
    good["customers"][0]["consents"] = "email, sms"
    broken = check(good).tables["customers"].broken
    assert [rule.split(" email")[0] for rule in broken] == ["consents holds only"]


def test_what_is_announced_may_hold_from_a_future_moment(check: Check, good: Base) -> None:
    for table in ("customers", "products", "offers"):
        good[table].append(good[table][0] | {"event_id": "next", "at": LATER})
    assert check(good).usable


def test_who_loses_the_customer_loses_all_that_hangs_on_it(check: Check, good: Base) -> None:
    good["customers"][0]["kind"] = "alien"
    report = check(good)
    assert [report.tables[table].hold for table in ("transactions", "contacts", "responses")] == [1, 0, 0]
    assert "contact_id names a row of contacts" in report.tables["responses"].broken


def test_without_the_other_table_a_key_names_nothing_that_could_be_missing(check: Check, good: Base) -> None:
    assert check({"transactions": good["transactions"]}).usable


def test_the_same_row_again_is_counted_and_not_refused(check: Check, good: Base) -> None:
    good["transactions"] += [good["transactions"][0]] * 2
    report = check(good)
    table = report.tables["transactions"]
    assert (table.rows, table.hold, table.refused, table.repeated) == (5, 3, 0, 2)
    assert report.usable


def test_two_rows_for_one_event_at_one_moment_are_both_refused(check: Check, good: Base) -> None:
    good["transactions"].append(good["transactions"][0] | {"amount": 501})
    broken = check(good).tables["transactions"].broken
    assert broken == {"an event has one version at one moment": Broken(2, [1, 4])}


def test_a_correction_known_later_holds_beside_the_first_version(check: Check, good: Base) -> None:
    good["transactions"].append(good["transactions"][0] | {"amount": 501, "known_at": NOW})
    assert check(good).tables["transactions"].hold == 4


def test_a_correction_cannot_move_an_event_to_another_customer(check: Check, good: Base) -> None:
    good["transactions"].append(good["transactions"][0] | {"customer_id": "bob", "known_at": NOW})
    broken = check(good).tables["transactions"].broken
    assert broken == {"an event keeps its customer": Broken(2, [1, 4])}


def test_merges_that_lead_in_a_circle_are_refused_and_chains_are_not(check: Check, good: Base) -> None:
    then = good["customers"][0]["at"]
    merges = {"a": "b", "b": "c", "c": "a", "d": "e", "e": "f", "f": None, "g": "g"}
    good["customers"] += [
        {"event_id": who, "at": then, "customer_id": who, "merged_into": to} for who, to in merges.items()
    ]
    broken = check(good).tables["customers"].broken
    assert broken["merges make no cycle"] == Broken(3, [3, 4, 5])
    assert broken["a customer is not merged into itself"] == Broken(1, [9])
    assert len(broken) == 2


def test_a_merge_into_a_refused_customer_is_refused_along_the_chain(check: Check, good: Base) -> None:
    then = good["customers"][0]["at"]
    good["customers"] += [
        {"event_id": "x", "at": then, "customer_id": "x", "merged_into": "y"},
        {"event_id": "y", "at": then, "customer_id": "y", "merged_into": "z"},
        {"event_id": "z", "at": then, "customer_id": "z", "kind": "alien"},
    ]
    broken = check(good).tables["customers"].broken
    assert broken["merged_into names a row of customers"] == Broken(2, [3, 4])


def test_a_repeated_row_stands_for_no_customer(check: Check, good: Base) -> None:
    then = good["customers"][0]["at"]
    refused = {"event_id": "y", "at": then, "customer_id": "y", "kind": "alien"}
    good["customers"] += [
        refused, refused, {"event_id": "x", "at": then, "customer_id": "x", "merged_into": "y"}
    ]  # fmt: skip
    customers = check(good).tables["customers"]
    assert customers.broken["merged_into names a row of customers"] == Broken(1, [5])
    assert (customers.hold, customers.refused, customers.repeated) == (2, 2, 1)


def test_a_refused_row_closes_no_circle(check: Check, good: Base) -> None:
    then = good["customers"][0]["at"]
    good["customers"] += [
        {"event_id": "x", "at": then, "customer_id": "x", "merged_into": "y"},
        {"event_id": "y", "at": then, "customer_id": "y", "merged_into": "x", "kind": "alien"},
        {"event_id": "z", "at": then, "customer_id": "y"},
    ]
    customers = check(good).tables["customers"]
    assert (customers.hold, customers.refused) == (4, 1)
    assert "merges make no cycle" not in customers.broken


def test_an_optional_column_without_any_value_is_taken(check: Check, good: Base) -> None:
    good["customers"] = [row | {"region": None} for row in good["customers"]]
    assert check(good).usable


def test_the_share_decides_whether_a_base_is_usable(check: Check, good: Base) -> None:
    good["transactions"][0]["amount"] = -1
    assert not check(good, share=0.3).usable
    assert check(good, share=0.34).usable


def test_rows_refused_before_are_gone_after_a_good_run(check: Check, good: Base, tmp_path: Path) -> None:
    good["transactions"][0]["amount"] = -1
    check(good)
    good["transactions"][0]["amount"] = 1
    check(good)
    assert not (tmp_path / "refused/transactions.parquet").exists()


def test_a_table_in_which_no_row_holds_is_never_usable(check: Check, good: Base) -> None:
    good["products"][0]["list_price"] = -1
    assert not check(good, share=1.0).tables["products"].usable


def test_every_table_of_the_contract_can_be_checked(check: Check, good: Base) -> None:
    then = good["customers"][0]["at"]
    common = {"at": then, "customer_id": "ann"}
    good["points"] = [{"event_id": "1", **common, "kind": "earned", "points": 5, "expires_at": then}]
    good["interactions"] = [{"event_id": "1", **common, "kind": "complaint_opened", "case_id": "1"}]
    good["surveys"] = [{"event_id": "1", **common, "kind": "nps", "score": 10}]
    report = check(good)
    assert set(report.tables) == set(TABLES)
    assert report.usable


def test_now_needs_a_time_zone(check: Check, good: Base) -> None:
    with pytest.raises(ValueError, match="time zone"):
        check(good, now=datetime(2026, 1, 1))  # noqa: DTZ001
