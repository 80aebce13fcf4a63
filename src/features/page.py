"""The catalogue as a page: `python -m features.page > docs/features.md`."""

import sys
from collections.abc import Iterator
from typing import Any

from features.catalogue import FAMILIES
from features.family import LONGEST, OWNERS, SENSITIVITIES, WINDOWS, Family, NamedFact


def page() -> str:
    return "\n".join(_lines()) + "\n"


def window(named: NamedFact) -> str:
    """A fact's window in words; if it is all of the past, what is needed of it."""
    return f"all: {named.fact.summary}" if named.fact.summary else f"{named.window} days"


def _lines() -> Iterator[str]:
    count = sum(len(family.facts) for family in FAMILIES)
    windows = ", ".join(map(str, WINDOWS))
    yield from (
        "# Facts",
        "",
        f"{count} facts in {len(FAMILIES)} families; [how to add one](adding_a_family.md).",
        "This page is written by `python -m features.page > docs/features.md`; a test compares.",
        "",
        "A fact is read at a moment t from what is visible then. What cannot be known is missing,",
        "never zero.",
        f"A window of n days is (t - n days, t]; the usual ones are {windows}.",
        f"No fact looks at single events older than {LONGEST} days: one whose window is *all* needs of them",
        "only the summary that is named. Money is in minor units of the base's currency.",
        "",
        "| owner | answers for |",
        "|---|---|",
        *(f"| {owner} | {what} |" for owner, what in OWNERS.items()),
        "",
        "| sensitivity | means |",
        "|---|---|",
        *(f"| {sensitivity} | {what} |" for sensitivity, what in SENSITIVITIES.items()),
    )
    for family in FAMILIES:
        yield from _family(family)


def _family(family: Family[Any]) -> Iterator[str]:
    yield from (
        "",
        f"## {family.name}",
        "",
        " ".join(family.meaning.split()),
        "",
        f"Owner: {family.owner}. From: {', '.join(family.sources) or 'all tables of customers'}.",
        "",
        "| fact | meaning | 含义 | unit | window | sensitivity | since |",
        "|---|---|---|---|---|---|---|",
    )
    for named in family.facts:
        fact = named.fact
        cells = (
            f"`{named.name}`",
            fact.meaning,
            fact.chinese,
            fact.unit,
            window(named),
            fact.sensitivity,
            fact.since,
        )
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(page())
