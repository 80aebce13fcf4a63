"""A customer's copy with nothing added is the customer; with events added it is one to whom they happened."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from features.hypothesis import past_of, read_with
from features.reader import read_facts
from tables.code import code
from tables.moment import DAY


def test_a_copy_has_the_facts_of_the_customer_to_the_bit(
    random_base: Callable[..., Any], moments: tuple[int, ...], tmp_path: Path
) -> None:
    """Among corrections, late arrivals, withdrawals and mergers."""
    histories = random_base(11).write(tmp_path)
    assert len(histories.linked.places)
    for t in moments:
        whole = read_facts(histories, np.arange(len(histories)), t)
        for place in range(len(histories)):
            copies = read_with(past_of(histories, place, t), [], [(), ()])
            assert copies.names == whole.names
            for copy in copies.values:
                assert np.array_equal(copy, whole.values[place], equal_nan=True)


def test_added_events_make_the_facts_of_a_base_in_which_they_happened(
    random_base: Callable[..., Any], moments: tuple[int, ...], tmp_path: Path
) -> None:
    base = random_base(12)
    t = moments[1]
    histories = base.write(tmp_path / "before")
    visible = [
        (place, past)
        for place in range(len(histories))
        if (past := past_of(histories, place, t)) and len(past.rows["interactions"])
    ]
    added, customers = [], []
    for place, past in visible:
        again = past.again("interactions", past.rows["interactions"][-1:], 1)
        assert t - DAY < again["at"][0] <= t
        assert (past.rows["interactions"]["event_id"] != again["event_id"][0]).all()
        added.append(read_with(past, [{"interactions": again}], [(), (0,)]).values)
        customers.append(histories.ids[place])
        base.rows["interactions"].append(_the_last(base, past, histories.ids[place], again))
    after = base.write(tmp_path / "after")
    real = read_facts(after, after.places(customers), t).values
    for (without, copy), happened in zip(added, real, strict=True):
        assert np.array_equal(copy, happened, equal_nan=True)
        assert not np.array_equal(without, copy, equal_nan=True)


def _the_last(base: Any, past: Any, customer_id: str, again: Any) -> dict[str, Any]:
    """The row behind the customer's last interaction, as another event of the customer at the new time."""
    last = past.rows["interactions"][-1]
    (row, *_) = [
        row
        for row in base.rows["interactions"]
        if row["at"] == last["at"] and code(row["event_id"]) == last["event_id"]
        if max(row["known_at"], row["at"]) == last["seen_at"]
    ]
    at = int(again["at"][0])
    return row | {"event_id": f"again-{customer_id}", "customer_id": customer_id, "at": at, "known_at": at}
