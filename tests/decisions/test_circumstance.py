"""Circumstances as they are read from a base, against SQL over its tables."""

from copy import copy
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from decisions.circumstance import circumstances, contacts_under
from decisions.policy import Policy
from decisions.reach import Cap
from decisions.standing import standing_of
from features.reader import read_facts, visible_rows
from models.contact import HELD_BACK
from models.scorer import Scores
from releases.home import Home
from tables.contract import CONTACT_CHANNELS, OFFER_KINDS
from tables.history import Histories, read_histories
from tables.moment import DAY

CAPS = (
    Cap(name="week", contacts=2, days=7),
    Cap(name="quarter", contacts=9, days=91),
    Cap(name="texts", contacts=1, days=56, channels=("sms", "phone")),
    Cap(name="care", contacts=4, days=364, kinds=("care",)),
)


@pytest.fixture(scope="session")
def base(published: Path) -> Path:
    return Home(published).current_base()


@pytest.fixture(scope="session")
def histories(base: Path) -> Histories:
    return read_histories(base / "histories")


def counted_by_sql(base: Path, ids: list[str], cap: Cap, t: int) -> list[int]:
    db = duckdb.connect()
    tables = base / "tables"
    within = "c.channel is null or list_contains($channels, c.channel)" if cap.channels else "true"
    offered = "o.kind is null or list_contains($kinds, o.kind)" if cap.kinds else "true"
    rows = db.execute(
        f"""
        with offers as (select distinct offer_id, kind from read_parquet('{tables}/offers*.parquet'))
        select c.customer_id, count(*) from read_parquet('{tables}/contacts*.parquet') c
        left join offers o using (offer_id)
        where c.kind <> 'held_back' and epoch_us(c."at") <= $t and epoch_us(c.known_at) <= $t
          and epoch_us(c."at") > $since and ({within}) and ({offered})
        group by all
        """,
        {"t": t, "since": t - cap.days * DAY}
        | ({"channels": list(cap.channels)} if cap.channels else {})
        | ({"kinds": list(cap.kinds)} if cap.kinds else {}),
    ).fetchall()
    counts = dict(rows)
    return [counts.get(each, 0) for each in ids]


def test_contacts_count_against_each_cap_as_sql_counts_them(base: Path, histories: Histories) -> None:
    places = np.arange(len(histories))
    t = (
        int(visible_rows(histories, "contacts", histories.last_at, np.arange(len(histories)))[1]["at"].max())
        + DAY
    )
    counts = contacts_under(histories, places, t, CAPS)
    for k, cap in enumerate(CAPS):
        expected = counted_by_sql(base, histories.ids.tolist(), cap, t)
        assert max(expected) > 0
        assert counts[:, k].tolist() == expected


def test_each_customer_may_have_a_moment_of_its_own(histories: Histories) -> None:
    places = np.arange(60)
    moments = histories.last_at - (places % 5) * 30 * DAY
    together = contacts_under(histories, places, moments, CAPS)
    for row in range(60):
        alone = contacts_under(histories, places[row : row + 1], int(moments[row]), CAPS)
        assert together[row].tolist() == alone[0].tolist()


def test_contacts_made_later_than_a_moment_are_counted_alone(histories: Histories) -> None:
    """Also those whose channel or offer is not known, against every cap."""
    places, t = np.arange(len(histories)), histories.last_at
    owner, rows = visible_rows(histories, "contacts", t, places)
    since = int(np.median(rows["at"]))
    made = (rows["kind"] != HELD_BACK) & (rows["at"] > since)
    counts = contacts_under(histories, places, t, CAPS, since=since)
    for k, cap in enumerate(CAPS):
        counted = made & (rows["at"] > t - cap.days * DAY)
        for field, named, order in (
            ("channel", cap.channels, CONTACT_CHANNELS),
            ("offer_kind", cap.kinds, OFFER_KINDS),
        ):
            if named:
                counted &= np.isin(rows[field], [0, *(order.index(each) + 1 for each in named)])
        assert counts[:, k].tolist() == np.bincount(owner[counted], minlength=len(places)).tolist()


def test_a_base_that_tells_of_no_contacts_says_so(histories: Histories) -> None:
    silent = copy(histories)
    silent.present = histories.present - {"contacts"}
    assert np.isnan(contacts_under(silent, np.arange(3), silent.last_at, CAPS)).all()


def test_a_customer_alone_has_the_circumstances_it_has_among_all(
    histories: Histories, shipped: Policy
) -> None:
    t, places = histories.last_at, np.arange(40)

    def read(some: Any) -> tuple[Any, ...]:
        facts = read_facts(histories, some, t)
        nothing = np.full(len(some), np.nan)
        scores = Scores(nothing, nothing, np.empty((len(some), 0)), np.empty((len(some), 0)))
        standing = standing_of(histories, some, t, shipped, facts, scores)
        return tuple(circumstances(histories, some, t, facts, standing, shipped))

    together = read(places)
    for row in range(0, 40, 7):
        for part, whole in zip(read(places[row : row + 1]), together, strict=True):
            np.testing.assert_array_equal(part, whole[row : row + 1])
