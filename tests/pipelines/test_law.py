"""Law in the weekly run: who somebody is changes nothing, who opted out is left out, unequal terms stop."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from decisions.why import WORDS, Why
from releases.home import Home
from releases.week import read_week_rows
from tables.contract import Contacts

Command = Callable[..., Any]
Spoil = Callable[[str, Callable[[Path], None]], None]
Change = Callable[[pa.Table], pa.Table]


def rewrite(change: Change) -> Callable[[Path], None]:
    return lambda path: pq.write_table(change(pq.read_table(path)), path)


def with_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    without = table.drop_columns(name) if name in table.column_names else table
    return without.append_column(name, values)


def week_of(home: Path) -> pa.Table:
    return read_week_rows(home / "weeks" / Home(home).published().week)


def scored(command: Command, home: Path) -> pa.Table:
    assert command("check", "--home", home).code == 0
    said = command("score", "--home", home, "--accept", "a test")
    assert said.code == 0, said.err
    return week_of(home)


def another(customers: pa.Table) -> pa.Table:
    """The same customers with other ages, genders and regions, for some unknown."""
    random = np.random.default_rng(9)
    count = customers.num_rows
    births = [date(int(year), 5, 5) for year in random.integers(1940, 2005, count)]
    words = {
        "gender": random.choice(["female", "male", "other", None], count).tolist(),
        "region": random.choice(["here", "there", None], count).tolist(),
    }
    table = with_column(customers, "birth_on", pa.array(births, pa.date32()))
    for name, values in words.items():
        table = with_column(table, name, pa.array(values, pa.string()))
    return table


def test_age_gender_and_region_change_no_choice_and_no_terms_to_the_bit(
    command: Command, home: Path, spoil: Spoil
) -> None:
    """Churn and value may be foretold from age; what follows from them for nobody are price and terms."""
    before = week_of(home)
    assert before["chosen_offer"].null_count < before.num_rows
    spoil("customers", rewrite(another))
    after = scored(command, home)
    decided = [
        name
        for name in before.column_names
        if name.startswith(("chosen_", "held_", "offer_", "stage", "behaviour", "propensity", "customer_id"))
    ]
    assert len(decided) > 20
    assert after.select(decided).combine_chunks().equals(before.select(decided).combine_chunks())
    assert after["churn_probability"] != before["churn_probability"]  # the change did reach the models


@pytest.fixture
def with_default(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> str:
    """A policy that gives one offer to everybody who wants nothing chosen from their data; its id."""
    incoming = next(path for path in (home / "incoming").rglob("offers.parquet"))
    offers = pq.read_table(incoming).sort_by([("reward", "descending")])
    moment = week_of(home)["moment"][0]
    valid = pc.and_(
        pc.less_equal(offers["starts_at"], moment),
        pc.fill_null(pc.greater_equal(offers["ends_at"], moment), True),
    )
    offer = str(offers.filter(valid)["offer_id"][0])
    config = shutil.copytree(root / "config", tmp_path / "config")
    with (config / "policy.yaml").open("a", encoding="utf-8") as file:
        file.write(f"\nfor_everybody: {{offer: {offer}, worth: 900_000}}\n")
    monkeypatch.setenv("HOLDFAST_CONFIG", str(config))
    return offer


OPTED_OUT = [f"c-{k:07}" for k in range(1, 61, 2)]


def opting_out(customers: pa.Table) -> pa.Table:
    out = pc.is_in(customers["customer_id"], value_set=pa.array(OPTED_OUT))
    return with_column(customers, "personalised", pc.invert(out))


def test_who_opted_out_gets_nothing_where_the_policy_states_no_default(
    command: Command, home: Path, spoil: Spoil
) -> None:
    spoil("customers", rewrite(opting_out))
    rows = scored(command, home).filter(pc.is_in(week_of(home)["customer_id"], pa.array(OPTED_OUT)))
    assert rows.num_rows > 20
    assert rows["chosen_offer"].null_count == rows["held_back_offer"].null_count == rows.num_rows
    said = set(rows["offer_1_why"].to_pylist())
    law = {WORDS[each][0] for each in (Why.OPTED_OUT, Why.NO_CONSENT, Why.CONSENT_UNKNOWN, Why.NOT_VALID)}
    assert WORDS[Why.OPTED_OUT][0] in said <= law


def test_who_opted_out_gets_the_same_as_all_who_did_and_their_orders_cannot_change_it(
    command: Command, home: Path, spoil: Spoil, with_default: str
) -> None:
    def richer(orders: pa.Table) -> pa.Table:
        out = pc.is_in(orders["customer_id"], value_set=pa.array(OPTED_OUT))
        return with_column(
            orders, "amount", pc.multiply(orders["amount"], pc.if_else(out, 7, 1)).cast(pa.int64())
        )

    def choices(rows: pa.Table) -> dict[str, list[Any]]:
        mine = rows.filter(pc.is_in(rows["customer_id"], pa.array(OPTED_OUT)))
        assert mine.num_rows > 20
        return mine.select(
            ["chosen_offer", "chosen_channel", "held_back_offer", "propensity"]
        ).to_pydict() | {"churn": mine["churn_probability"].to_pylist()}

    spoil("customers", rewrite(opting_out))
    before = choices(scored(command, home))
    assert set(before["chosen_offer"]) == {with_default, None}
    assert before["chosen_offer"].count(with_default) > 5
    spoil("transactions", rewrite(richer))
    after = choices(scored(command, home))
    assert after.pop("churn") != before.pop("churn")  # what is known of them did change
    assert after == before


def test_a_weeks_contacts_pass_the_contract_and_come_back_with_their_propensities(
    command: Command, home: Path, spoil: Spoil, tmp_path: Path
) -> None:
    week = week_of(home)
    out = tmp_path / "contacts.parquet"
    said = command("contacts", "--home", home, "--output", out, "--json").json
    rows = pq.read_table(out)
    assert set(rows.column_names) == set(Contacts.columns)
    given = dict(zip(week["customer_id"].to_pylist(), week["chosen_offer"].to_pylist(), strict=True))
    held = dict(zip(week["customer_id"].to_pylist(), week["held_back_offer"].to_pylist(), strict=True))
    chance = dict(zip(week["customer_id"].to_pylist(), week["propensity"].to_pylist(), strict=True))
    told = {row["customer_id"]: (row["kind"], row["offer_id"], row["propensity"]) for row in rows.to_pylist()}
    assert told == {
        who: ("sent" if given[who] else "held_back", given[who] or held[who], chance[who])
        for who in given
        if given[who] or held[who]
    }
    assert said["sent"] + said["held_back"] == len(told) > 0

    def more(contacts: pa.Table) -> pa.Table:
        return pa.concat_tables([contacts, rows.select(contacts.column_names).cast(contacts.schema)])

    before = command("check", "--home", home, "--json").json["tables"]["contacts"]
    spoil("contacts", rewrite(more))
    after = command("check", "--home", home, "--json").json["tables"]["contacts"]
    assert after["refused"] == before["refused"]
    assert after["hold"] == before["hold"] + len(told)
    assert command("score", "--home", home, "--accept", "a test").code == 0


def test_contacts_of_a_week_that_is_not_there_are_refused(
    command: Command, home: Path, tmp_path: Path
) -> None:
    said = command("contacts", "--home", home, "--week", "none", "--output", tmp_path / "contacts.parquet")
    assert said.code == 1
    assert "week none: not on the shelf; there is" in " ".join(said.err.split())
    assert not (tmp_path / "contacts.parquet").exists()


def test_a_week_of_unequal_terms_is_not_published_whatever_the_reason(
    unequal: Path, holdfast: Callable[..., Any]
) -> None:
    before = (unequal / "published.json").read_bytes()
    for more in ((), ("--accept", "we want it")):
        said = " ".join(holdfast("score", "--home", unequal, *more, code=1).split())
        assert "equal_terms.most_difference: region" in said
        assert "no reason given with --accept publishes unequal terms" in said
        assert (unequal / "published.json").read_bytes() == before
    report = holdfast("watch", "--home", unequal)
    assert report["verdict"] == "stopped"
    assert report["accepted"] == ""
    beyond = [each for each in report["terms"]["terms"] if each["is_beyond"]]
    assert {each["axis"] for each in beyond} == {"region"}
    page = Path(report["page"]).read_text(encoding="utf-8")
    assert "Equal terms" in page
    assert "同等条件" in page


def test_a_published_week_carries_what_its_terms_were(home: Path) -> None:
    week = home / "weeks" / Home(home).published().week
    said = json.loads((week / "equal_terms.json").read_text(encoding="utf-8"))
    assert said["most_difference"] == 0.25
    assert any(each.startswith("region ") for each in said["small"])  # sixty customers are too few
    assert said["terms"] == []
