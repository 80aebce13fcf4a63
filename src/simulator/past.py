"""A simulated world at its end, as those need it who live on from there."""

from dataclasses import dataclass, fields, replace

import numpy as np
import pyarrow as pa

from simulator.dynamics import Effects, effects
from simulator.identity import customer_rows, draw_identities, yearly_levels
from simulator.population import Floats, Integers, Population, draw_population
from simulator.record import rows
from simulator.simulate import chunk_orders, chunk_rows
from simulator.walk import States, walk
from simulator.world import AFTER_ALL, QUARTER_WEEKS, World, microseconds


@dataclass(frozen=True)
class Past:
    """A world at its end. calendar: the world with weeks enough to go on; spend: by week, minor units, shape
    (weeks, customers); customers: everybody's last row of that table; coming: rows that had happened, or were
    bound to, and had not arrived by the end."""

    calendar: World
    week: int
    people: Population
    what: Effects
    state: States
    spend: Floats
    level: Integers
    customers: pa.Table
    coming: dict[str, pa.Table]


def past_of(world: World, weeks: int) -> Past:
    """The world at its end, lived through again as `simulate` does, and a calendar for `weeks` more."""
    long = -(-(world.weeks + weeks + 1) // QUARTER_WEEKS) * QUARTER_WEEKS
    everybody, states, spends, levels, lasts = [], [], [], [], []
    coming: dict[str, list[pa.Table]] = {}
    for chunk in range(world.chunks):
        people = draw_population(world, chunk)
        lived = walk(world, people, world.stream(chunk, "walk"), range(world.weeks))
        orders = chunk_orders(world, chunk, people, lived)
        spend = np.zeros((world.weeks, len(people)))
        np.add.at(spend, (orders.week, orders.customer), orders.amount)
        level = yearly_levels(world, people, spend)
        identities = draw_identities(world, people, world.stream(chunk, "identities"))
        columns = customer_rows(world, people, identities, level, world.stream(chunk, "customers"))
        owner = columns.pop("customer")
        told = rows("customers", columns | {"event_id": [""] * len(owner)})
        own = np.flatnonzero(np.char.startswith(np.asarray(columns["customer_id"], dtype=str), "c-"))
        order = own[np.lexsort((np.asarray(columns["at"])[own], owner[own]))]
        last = order[np.append(np.diff(owner[order]) > 0, True)]
        end = microseconds(world.end)
        for name, table in chunk_rows(world, chunk, people, lived, AFTER_ALL).items():
            clocks = [np.asarray(table[clock].cast(pa.int64())) for clock in ("at", "known_at")]
            coming.setdefault(name, []).append(table.filter(pa.array(np.maximum(*clocks) > end)))
        everybody.append(people)
        states.append(lived.states[-1])
        spends.append(spend)
        levels.append(level[-2].astype(np.int64))  # the last one is given three hours after the end
        lasts.append(told.take(pa.array(last)))
    people = Population(
        **{f.name: np.concatenate([getattr(p, f.name) for p in everybody]) for f in fields(Population)}
    )
    return Past(
        calendar=replace(world, weeks=long),
        week=world.weeks,
        people=people,
        what=effects(people, world.offers),
        state=np.concatenate(states),
        spend=np.concatenate(spends, axis=1),
        level=np.concatenate(levels),
        customers=pa.concat_tables(lasts),
        coming={name: pa.concat_tables(tables) for name, tables in coming.items()},
    )
