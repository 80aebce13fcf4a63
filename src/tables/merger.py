"""Merged identities: in whose history the events of an id are read, and when.

A merger is an event like any other: before it is visible the old id stands alone, from then on its events
are read in the history of the id it was merged into, which may itself be merged later.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from tables.moment import FOREVER
from tables.refusal import Refused


class Merger(NamedTuple):
    """customer_id counts as merged_into during [since, until), microseconds."""

    customer_id: str
    merged_into: str
    since: int
    until: int


class Ownership(NamedTuple):
    """During [since, until) the events of customer_id are read in the history of owner_id."""

    customer_id: str
    owner_id: str
    since: int
    until: int


def ownerships(mergers: Iterable[Merger]) -> list[Ownership]:
    """For each id that was ever merged, its owners one after the other; together they cover all time."""
    steps: dict[str, list[Merger]] = defaultdict(list)
    for merger in mergers:
        steps[merger.customer_id].append(merger)
    return [owned for customer_id in sorted(steps) for owned in _owners_of(customer_id, steps)]


def _owners_of(customer_id: str, steps: dict[str, list[Merger]]) -> list[Ownership]:
    turns = {-FOREVER, FOREVER}
    reached, left = {customer_id}, [customer_id]
    while left:
        for merger in steps.get(left.pop(), []):
            turns |= {merger.since, merger.until}
            if merger.merged_into not in reached:
                reached.add(merger.merged_into)
                left.append(merger.merged_into)
    owners: list[Ownership] = []
    borders = sorted(turns)
    for since, until in itertools.pairwise(borders):
        owner = _owner_at(customer_id, since, steps)
        if owners and owners[-1].owner_id == owner:
            owners[-1] = owners[-1]._replace(until=until)
        else:
            owners.append(Ownership(customer_id, owner, since, until))
    return owners


def _owner_at(customer_id: str, t: int, steps: dict[str, list[Merger]]) -> str:
    passed = [customer_id]
    while active := [m for m in steps.get(passed[-1], []) if m.since <= t < m.until]:
        owner = max(active, key=lambda merger: (merger.since, merger.merged_into)).merged_into
        if owner in passed:
            raise Refused(
                f"customers.merged_into: {' into '.join([*passed, owner])} goes round in a circle; "
                "withdraw one of these mergers"
            )
        passed.append(owner)
    return passed[-1]
