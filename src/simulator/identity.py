"""Under which name a customer's rows are recorded, and the customers table with its history."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simulator.population import (
    CONSENTS,
    INDUSTRIES,
    REGIONS,
    Floats,
    Integers,
    Population,
)
from simulator.record import Columns, decoded, padded
from simulator.world import AFTER_ALL, DAY, HORIZON_WEEKS, HOUR, QUARTER_WEEKS, World

LEVEL_WEEKS = 52
LEVELS = np.array([100_000, 400_000, 1_200_000])  # spend of a year, minor units, that reaches 1, 2, 3
SURNAMES = tuple("王李张刘陈杨赵黄周吴徐孙")
GIVEN = ("伟", "芳", "娜", "敏", "静", "强", "磊", "洋", "艳", "勇", "杰", "娟", "涛", "明", "霞", "平")
GENDERS = ("female", "male", "other")
OWNERS = tuple(f"employee-{number:02d}" for number in range(1, 21))


@dataclass(frozen=True)
class Identities:
    """Names of the chunk's customers; some had a second account between two moments, then merged.

    `opened_at` and `merged_at` bound the rows recorded under the second account; AFTER_ALL for most.
    """

    names: Any
    seconds: Any
    opened_at: Integers
    merged_at: Integers

    def of(self, customer: Integers, at: Integers) -> Any:
        """The account under which something of the customer at that time was recorded."""
        is_second = (at >= self.opened_at[customer]) & (at < self.merged_at[customer])
        both = pa.concat_arrays([self.names, self.seconds])
        return decoded(customer + len(self.names) * is_second, both)


def draw_identities(world: World, people: Population, rng: np.random.Generator) -> Identities:
    """At most one in a hundred has a second account, merged before the first truth moment."""
    n = len(people)
    last = world.weeks - HORIZON_WEEKS
    opened = np.maximum(people.first_week, 0) + rng.integers(1, 30, n)
    merged = opened + rng.integers(4, 30, n)
    has_second = (rng.random(n) < 0.01) & (merged < last)
    starts = world.day_starts[7 * np.minimum(opened, world.weeks)]
    ends = world.day_starts[7 * np.minimum(merged, world.weeks)]
    return Identities(
        padded("c", people.number, 7),
        padded("a", people.number, 7),
        np.where(has_second, starts, AFTER_ALL),
        np.where(has_second, ends, AFTER_ALL),
    )


def yearly_levels(world: World, people: Population, spend: Floats) -> NDArray[np.int8]:
    """The level from the start of each quarter on, by spend of the 52 weeks before.

    `spend` is by week, shape (weeks, customers). Founders bring what they would have spent earlier.
    Returns shape (quarters, customers).
    """
    total = np.concatenate([np.zeros((1, spend.shape[1])), np.cumsum(spend, axis=0)])
    levels = []
    for week in range(0, world.weeks + 1, QUARTER_WEEKS):
        recent = total[week] - total[max(week - LEVEL_WEEKS, 0)]
        earlier = np.minimum(people.tenure, max(LEVEL_WEEKS - week, 0))
        levels.append(np.searchsorted(LEVELS, recent + earlier * people.rate * people.ticket))
    return np.array(levels, np.int8)


def customer_rows(
    world: World,
    people: Population,
    identities: Identities,
    levels: NDArray[np.int8],
    rng: np.random.Generator,
) -> Columns:
    """A row at joining and one at every change: level, region, consent, second account, merging.

    `customer` is the place of the person behind the account, and the rows are sorted by it.
    """
    n = len(people)
    quarter_at = world.day_starts[np.arange(len(levels)) * 7 * QUARTER_WEEKS] + 3 * HOUR
    moves_at = world.day_starts[rng.integers(1, 7 * world.weeks, n)] + 12 * HOUR
    moves = (rng.random(n) < 0.03) & (moves_at > people.joined_at)
    moves_at = np.where(moves, moves_at, AFTER_ALL)
    # The evening before the wave that must no longer reach the customer.
    withdrawn_at = world.day_starts[7 * np.minimum(people.withdrawal_week, world.weeks)] - 4 * HOUR
    withdraws = (people.withdrawal_week < world.weeks) & (people.consent > 0)
    withdrawn_at = np.where(withdraws, withdrawn_at, AFTER_ALL)
    customer, at, is_second = _moments(people, identities, levels, quarter_at, moves_at, withdrawn_at)

    held = np.clip(np.searchsorted(quarter_at, at, side="right") - 1, 0, None)
    elsewhere = (people.region + 1 + people.number % (len(REGIONS) - 1)) % len(REGIONS)
    region = np.where(at >= moves_at[customer], elsewhere[customer], people.region[customer])
    is_company = people.is_company[customer]
    fixed = {name: values[customer] for name, values in _attributes(people, rng).items()}
    is_merged = is_second & (at >= identities.merged_at[customer])
    accounts = pa.concat_arrays([identities.names, identities.seconds])
    return {
        "customer": customer,
        "at": at,
        "customer_id": decoded(customer + n * is_second, accounts),
        "name": decoded(fixed["name"], _names()),
        "kind": decoded(is_company.astype(np.int64), ("B2C", "B2B")),
        "gender": decoded(fixed["gender"], GENDERS),
        "birth_on": pa.array(fixed["birth"], mask=is_company),
        "region": decoded(region, REGIONS),
        "industry": decoded(np.where(is_company, fixed["industry"], -1), INDUSTRIES),
        "owner": decoded(np.where(is_company, fixed["owner"], -1), OWNERS),
        "level": levels[held, customer].astype(np.int64),
        "joined_at": people.joined_at[customer],
        "consents": decoded(np.where(at >= withdrawn_at[customer], 0, people.consent[customer]), CONSENTS),
        "contract_from": pa.array(fixed["contract_from"], mask=~is_company),
        "contract_until": pa.array(fixed["contract_until"], mask=~is_company),
        "merged_into": decoded(np.where(is_merged, customer, -1), identities.names),
    }


def _moments(
    people: Population,
    identities: Identities,
    levels: NDArray[np.int8],
    quarter_at: Integers,
    moves_at: Integers,
    withdrawn_at: Integers,
) -> tuple[Integers, Integers, NDArray[np.bool_]]:
    """When each account's attributes change, sorted by customer and time: who, when, which account."""
    quarter, changed = np.nonzero(np.diff(levels, axis=0))
    level_at = quarter_at[quarter + 1]
    is_member = level_at > people.joined_at[changed]
    parts = [(np.arange(len(people)), people.joined_at), (changed[is_member], level_at[is_member])]
    for moment in (moves_at, withdrawn_at, identities.opened_at, identities.merged_at):
        some = np.flatnonzero(moment < AFTER_ALL)
        parts.append((some, moment[some]))
    customer, at = (np.concatenate(column) for column in zip(*parts, strict=True))
    is_second = np.repeat([0, 0, 0, 0, 1, 1], [len(c) for c, _ in parts]).astype(bool)
    order = np.lexsort((is_second, at, customer))
    return customer[order], at[order], is_second[order]


def _names() -> list[str]:
    persons = [a + b for a in SURNAMES for b in GIVEN]
    return persons + [f"{a}{b}{c}公司" for a in SURNAMES for b in GIVEN for c in ("商贸", "科技")]


def _attributes(people: Population, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """What is stated once: the young lean to bargains and company, as far as the data can tell."""
    n = len(people)
    persons = len(SURNAMES) * len(GIVEN)
    age = np.clip(58 - 22 * people.sociability - 8 * people.price + 9 * rng.standard_normal(n), 18, 85)
    joined_on = (people.joined_at // DAY).astype("datetime64[D]")
    stated = np.where(rng.random(n) < 0.9, (rng.random(n) < 0.45).astype(np.int64), -1)
    begins = joined_on + rng.integers(0, 20, n).astype("timedelta64[D]")
    return {
        "name": np.where(
            people.is_company, persons + rng.integers(0, 2 * persons, n), rng.integers(0, persons, n)
        ),
        "gender": np.where(people.is_company, -1, stated),
        "birth": joined_on - (age * 365.25).astype("timedelta64[D]"),
        "industry": rng.integers(0, len(INDUSTRIES), n),
        "owner": people.region * 2 + rng.integers(0, 2, n),
        "contract_from": begins,
        "contract_until": begins + (365 * rng.integers(1, 4, n)).astype("timedelta64[D]"),
    }
