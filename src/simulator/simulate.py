"""Simulating a world chunk by chunk, and writing its tables and its truth."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulator.campaign import (
    contact_rows,
    message_touches,
    offer_rows,
    response_rows,
    run_campaign,
)
from simulator.catalogue import product_rows
from simulator.identity import customer_rows, draw_identities, yearly_levels
from simulator.population import Population, draw_population
from simulator.purchase import Orders, fill_orders, place_orders, redemptions, sort_orders
from simulator.record import arrived, event_ids, known_late, padded, rows, schema, with_mistakes
from simulator.sale import point_rows, transaction_rows
from simulator.touch import (
    complaint_touches,
    everyday_touches,
    interaction_rows,
    referral_touches,
    review_touches,
    survey_rows,
)
from simulator.truth_table import TRUTH_SCHEMA, truth_table
from simulator.walk import Walk, sort_contacts, walk
from simulator.world import MINUTE, World, microseconds

ROW_GROUP = 1 << 17
# Feeds of our own systems know at once; the others are late now and then.
PROMPT = ("customers", "products", "offers", "contacts")
MISTAKEN: dict[str, tuple[str, ...]] = {"transactions": ("amount",), "interactions": ()}
TRUTH = "truth/{:%Y-%m-%d}.parquet"


def simulate(world: World, folder: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Write <table>.parquet for the nine tables into the folder, and truth/<local date>.parquet.

    Rows of a chunk stand in the order they arrived; chunks follow each other. `progress` is told how
    many customers of how many are done. OSError comes from the file system as it is.
    """
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    truths = {week: TRUTH.format(world.moment(week)) for week in world.truth_weeks}
    whole = {"products": product_rows(world), "offers": offer_rows(world)}
    end = microseconds(world.end)
    chunk_tables = ("customers", "transactions", "points", "interactions", "contacts", "responses")
    schemas = {f"{name}.parquet": schema(name) for name in (*chunk_tables, "surveys")}
    schemas |= dict.fromkeys(truths.values(), TRUTH_SCHEMA)
    for name, columns in whole.items():
        with _writer(folder / f"{name}.parquet", schema(name)) as writer:
            writer.write_table(arrived(rows(name, columns), end), row_group_size=ROW_GROUP)
    writers = {file: _writer(folder / file, schemas[file]) for file in schemas}
    try:
        for chunk in range(world.chunks):
            people = draw_population(world, chunk)
            lived = walk(world, people, world.stream(chunk, "walk"), range(world.weeks))
            for name, table in chunk_rows(world, chunk, people, lived).items():
                writers[f"{name}.parquet"].write_table(table, row_group_size=ROW_GROUP)
            for week, file in truths.items():
                table = truth_table(world, people, lived.states[week], week)
                writers[file].write_table(table, row_group_size=ROW_GROUP)
            if progress is not None:
                progress(min((chunk + 1) * world.chunk, world.customers), world.customers)
    finally:
        for writer in writers.values():
            writer.close()


def chunk_orders(world: World, chunk: int, people: Population, lived: Walk) -> Orders:
    """The orders of the walk, and the one that each newcomer joins with."""
    rng = world.stream(chunk, "purchases")
    newcomers = np.flatnonzero(people.first_week > 0)
    week, joined_at = people.first_week[newcomers] - 1, people.joined_at[newcomers]
    return sort_orders(
        place_orders(world, people, lived.order_customer, lived.order_week, rng),
        place_orders(world, people, newcomers, week, rng, joined_at + 5 * MINUTE),
    )


def chunk_rows(
    world: World, chunk: int, people: Population, lived: Walk, until: int | None = None
) -> dict[str, Any]:
    """The chunk's rows of the seven tables that concern customers, as they had arrived by the end, or until
    another moment (microseconds)."""
    orders = chunk_orders(world, chunk, people, lived)
    lines = fill_orders(people, orders, world.stream(chunk, "lines"))
    identities = draw_identities(world, people, world.stream(chunk, "identities"))
    contacts = sort_contacts(lived.contacts)
    campaign = run_campaign(
        world,
        people,
        contacts,
        redemptions(world, contacts, orders),
        world.stream(chunk, "campaign"),
    )
    rng = world.stream(chunk, "interactions")
    touches = [
        *everyday_touches(world, people, lived, rng),
        *complaint_touches(world, lived, rng),
        review_touches(people, lived, orders, rng),
        referral_touches(people, lived, rng),
        *message_touches(campaign),
    ]
    spend = np.zeros((world.weeks, len(people)))
    np.add.at(spend, (orders.week, orders.customer), orders.amount)
    levels = yearly_levels(world, people, spend)
    customers = customer_rows(world, people, identities, levels, world.stream(chunk, "customers"))
    number = customers.pop("customer")
    customers["event_id"] = event_ids("m", number, padded("", people.number, 7))
    columns = {
        "customers": customers,
        "transactions": transaction_rows(people, identities, orders, lines, world.stream(chunk, "sales")),
        "points": point_rows(people, identities, orders, world.stream(chunk, "points")),
        "interactions": interaction_rows(people, identities, touches),
        "contacts": contact_rows(world, people, identities, campaign),
        "responses": response_rows(people, identities, campaign, orders),
        "surveys": survey_rows(world, people, identities, lived, world.stream(chunk, "surveys")),
    }
    rng = world.stream(chunk, "records")
    end = microseconds(world.end) if until is None else until
    tables = {}
    for name, given in columns.items():
        if name not in PROMPT:
            given["known_at"] = known_late(given["at"], rng)
        table = rows(name, given)
        if name in MISTAKEN:
            table = with_mistakes(table, rng, MISTAKEN[name])
        tables[name] = arrived(table, end)
    return tables


def _writer(file: Path, columns: pa.Schema) -> Any:
    return pq.ParquetWriter(file, columns, compression="zstd", write_page_checksum=True)
