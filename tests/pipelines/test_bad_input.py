"""Bad input: a clear refusal or a stated fallback, and what was published before stays as it was."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from releases.home import Home
from releases.week import read_week_rows
from tables.history import read_histories
from tables.refusal import Refused
from tables.sealed import point

Command = Callable[..., Any]
Spoil = Callable[[str, Callable[[Path], None]], None]
Change = Callable[[pa.Table], pa.Table]


def rewrite(change: Change) -> Callable[[Path], None]:
    return lambda path: pq.write_table(change(pq.read_table(path)), path)


def put(column: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    return rewrite(
        lambda table: table.set_column(table.column_names.index(column), column, change(table[column]))
    )


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def far_ahead(column: Any) -> Any:
    first = pa.array([k < 50 for k in range(len(column))])
    return pc.if_else(first, pa.scalar(datetime(2999, 1, 1, tzinfo=UTC), column.type), column)


def nobody(column: Any) -> Any:
    return pc.binary_join_element_wise(column, "x", "-")


def all_alike(column: Any) -> Any:
    return pa.array(["t"] * len(column))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def words(path: Path) -> None:
    path.write_text("customer_id,amount")


FILE = "transactions.parquet"
TOO_MANY = "transactions: more than 1% of the rows are refused"
REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing tables": (lambda path: [each.unlink() for each in path.parent.glob("*.parquet")], "customers"),
    "missing column": (rewrite(lambda t: t.drop_columns("amount")), "amount"),
    "wrong type": (put("amount", lambda column: column.cast(pa.float64())), "amount"),
    "orphan keys": (put("customer_id", nobody), TOO_MANY),
    "negative prices": (put("amount", lambda column: pc.subtract(column, 10**9)), TOO_MANY),
    "future dates": (put("at", far_ahead), TOO_MANY),
    "duplicate keys": (put("event_id", all_alike), TOO_MANY),
    "truncated file": (cut, FILE),
    "empty file": (empty, FILE),
    "no rows": (rewrite(lambda t: t.slice(0, 0)), "transactions"),
    "text for Parquet": (words, FILE),
}


@pytest.mark.parametrize(("damage", "says"), REFUSED.values(), ids=REFUSED)
def test_bad_tables_are_refused_by_name_and_what_was_published_stays(
    command: Command,
    home: Path,
    spoil: Spoil,
    hashes: Callable[[Path], Any],
    damage: Callable[[Path], Any],
    says: str,
) -> None:
    before, base = hashes(home), Home(home).current_base()
    spoil("transactions", damage)
    said = command("check", "--home", home, "--json")
    assert said.code == 1
    assert says in " ".join(said.err.split())
    assert "Traceback" not in said.err
    assert said.out == "" or not json.loads(said.out)["usable"]
    assert hashes(home) == before
    assert Home(home).current_base() == base
    assert command("score", "--home", home).code == 0
    assert {part["whole"] for part in command("status", "--home", home, "--json").json["parts"].values()} == {
        True
    }


def test_without_transactions_a_base_can_be_checked_but_has_nobody_to_score(
    command: Command, home: Path, spoil: Spoil, hashes: Callable[[Path], Any]
) -> None:
    before = hashes(home)
    spoil("transactions", Path.unlink)
    assert command("check", "--home", home).code == 0
    said = command("score", "--home", home)
    assert said.code == 1
    assert "nobody bought" in " ".join(said.err.split())
    assert hashes(home) == before


def test_a_few_bad_rows_are_set_aside_with_their_reasons_and_the_others_used(
    command: Command, home: Path, spoil: Spoil
) -> None:
    def few(column: Any) -> Any:
        return pa.array(["nobody", *column.to_pylist()[1:]])

    spoil("transactions", put("customer_id", few))
    checked = command("check", "--home", home, "--json").json
    assert checked["tables"]["transactions"]["refused"] == 1
    refused = pq.read_table(Path(checked["refused_rows"]) / "transactions.parquet")
    assert refused["row_number"].to_pylist() == [1]
    assert len(refused["reasons"][0]) == 1
    assert command("score", "--home", home).code == 0
    assert command("check", "--home", home, "--share", "0").code == 1


def test_a_customer_without_events_gets_a_row_that_says_so_and_no_score(
    command: Command, home: Path, spoil: Spoil
) -> None:
    def more(table: pa.Table) -> pa.Table:
        row = dict.fromkeys(table.column_names) | {
            "event_id": "new",
            "customer_id": "~newcomer",
            "at": table["at"][0],
            "known_at": table["known_at"][0],
            "deleted": False,
        }
        told = {name: row[name] for name in table.column_names}
        return pa.concat_tables([table, pa.Table.from_pylist([told], table.schema)])

    spoil("customers", rewrite(more))
    assert command("check", "--home", home).code == 0
    score = command("score", "--home", home, "--json").json
    (row,) = read_week_rows(Path(score["path"]), ["~newcomer"]).to_pylist()
    assert row["status"] == "never_bought"
    assert [row[name] for name in ("churn_probability", "expected_value", "chosen_offer", "reasons")] == [
        None
    ] * 4


def write_base(home: Path, orders: list[tuple[str, int]], days: int) -> None:
    """Let a base come in that holds only orders (customer, day)."""
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    folder = home / "incoming" / "orders"
    folder.mkdir(parents=True)
    rows = [
        {
            "event_id": f"t{k}",
            "customer_id": customer,
            "at": begin + timedelta(days=day),
            "order_id": f"o{k}",
            "quantity": 1,
            "amount": 100,
        }
        for k, (customer, day) in enumerate(orders)
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "transactions.parquet")
    base = {
        "source": "test",
        "description": "",
        "time_zone": "UTC",
        "currency": "EUR",
        "minor_units": 100,
        "counted": {},
        "ends_at": (begin + timedelta(days=days)).isoformat(),
    }
    (folder / "base.json").write_text(json.dumps(base))
    point(home / "incoming", folder.name)


def test_customers_who_all_stay_teach_nothing_and_are_refused(
    command: Command, home: Path, hashes: Callable[[Path], Any]
) -> None:
    before = hashes(home)
    write_base(home, [(f"c{k}", day) for k in range(40) for day in range(0, 600, 14)], 600)
    assert command("check", "--home", home).code == 0
    said = command("train", "--home", home)
    assert said.code == 1
    assert "there must be at least ten who left and ten who stayed" in " ".join(said.err.split())
    assert hashes(home) == before


def test_too_short_a_history_is_refused_with_what_it_needs(command: Command, home: Path) -> None:
    write_base(home, [(f"c{k}", day) for k in range(40) for day in range(0, 200, 14)], 200)
    assert command("check", "--home", home).code == 0
    said = command("train", "--home", home)
    assert said.code == 1
    assert "needs 273 days of history" in " ".join(said.err.split())


def test_a_base_of_orders_alone_is_scored_with_models_that_know_more(command: Command, home: Path) -> None:
    """Facts from tables that are not there are missing, never wrong, and no offer is made without consent."""
    write_base(home, [(f"c{k}", day) for k in range(40) for day in range(0, 600, 14)], 600)
    assert command("check", "--home", home).code == 0
    score = command("score", "--home", home, "--json").json
    assert score["status"] == {"in_base": 40}
    assert 0 < score["mean_churn_probability"] < 1
    assert score["offers_given"] == 0


def test_histories_of_another_version_of_the_contract_are_refused(home: Path) -> None:
    folder = Home(home).current_base() / "histories"
    np.save(folder / "surveys.npy", np.zeros(3, np.dtype([("at", "i8")])), allow_pickle=False)
    with pytest.raises(Refused, match="run `holdfast check`"):
        read_histories(folder)


@pytest.mark.parametrize("job", [("score",), ("train",), ("features", "--customer", "c-0000001")])
def test_a_flipped_bit_in_the_histories_is_refused(
    command: Command, home: Path, hashes: Callable[[Path], Any], job: tuple[str, ...]
) -> None:
    before = hashes(home)
    records = Home(home).current_base() / "histories" / "transactions.npy"
    content = bytearray(records.read_bytes())
    content[len(content) // 2] ^= 4
    records.write_bytes(content)
    said = command(*job, "--home", home)
    assert said.code == 1
    assert "damaged" in said.err
    assert hashes(home) == before
