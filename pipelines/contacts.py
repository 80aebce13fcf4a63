"""`holdfast contacts`: a published week as rows of the contract's table `contacts`, for the next feed.

What was sent and what was held back come back to the base with the propensity of their time, so that the next
training and every evaluation know with what chance each was done.
"""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.terminal import bar, grid
from releases.home import Home
from releases.week import read_week_about, week_parts
from tables.contract import Contacts
from tables.moment import from_micros
from tables.refusal import Refused
from tables.sealed import STAGING, file_hash

READ = ["customer_id", "moment", "chosen_offer", "chosen_channel", "held_back_offer", "propensity"]
SCHEMA = pa.schema(
    [
        ("event_id", pa.string()),
        ("at", pa.timestamp("us", "UTC")),
        ("known_at", pa.timestamp("us", "UTC")),
        ("deleted", pa.bool_()),
        ("customer_id", pa.string()),
        ("offer_id", pa.string()),
        ("kind", pa.string()),
        ("channel", pa.string()),
        ("propensity", pa.float64()),
    ]
)
assert set(SCHEMA.names) == set(Contacts.columns)


def contacts(home: Home, week: str | None, out: Path) -> dict[str, Any]:
    """Write the contacts of a week (by default the published one) to the Parquet file `out`, whole or not at
    all. Raises Refused for a week that is not there, or damaged."""
    if not out.parent.is_dir():
        raise Refused(f"--output {out}: {out.parent} is not a folder; make it first")
    name = week or home.published().week
    if not name or not (home.weeks / name).is_dir():
        kept = ", ".join(sorted(path.name for path in home.weeks.glob("*") if path.is_dir())) or "none"
        raise Refused(f"week {name or '(none is published)'}: not on the shelf; there is {kept}")
    folder = home.weeks / name
    about = read_week_about(folder, home.key())
    counts = dict.fromkeys(("sent", "held_back", "without_propensity"), 0)
    aside = out.with_name(f"{out.name}{STAGING}{os.getpid()}")
    try:
        with bar("writing contacts") as progress, pq.ParquetWriter(aside, SCHEMA, compression="zstd") as file:
            done = 0
            for part in week_parts(folder, columns=READ):
                rows = contact_rows(part, name)
                file.write_table(rows)
                for kind in ("sent", "held_back"):
                    counts[kind] += pc.sum(pc.equal(rows["kind"], kind)).as_py() or 0
                counts["without_propensity"] += rows["propensity"].null_count
                done += part.num_rows
                progress(done, about.customers)
        aside.replace(out)
    finally:
        aside.unlink(missing_ok=True)
    return {
        "week": name,
        "moment": from_micros(about.moment).isoformat(),
        **counts,
        "path": str(out),
        "hash": file_hash(out),
    }


def contact_rows(week: pa.Table, name: str) -> pa.Table:
    """The rows of the week that were given an offer or held one back, as contacts; name: of the week, which
    with the customer names the event, so that the same week gives the same events."""
    offer = pc.coalesce(week["chosen_offer"], week["held_back_offer"])
    week = week.append_column("offer_id", offer).filter(pc.is_valid(offer))
    nothing = pa.nulls(week.num_rows)
    columns = {
        "event_id": pc.binary_join_element_wise(pa.scalar(name), week["customer_id"], "/"),
        "at": week["moment"],
        "known_at": nothing,
        "deleted": pa.repeat(False, week.num_rows),
        "customer_id": week["customer_id"],
        "offer_id": week["offer_id"],
        "kind": pc.if_else(pc.is_valid(week["chosen_offer"]), "sent", "held_back"),
        "channel": week["chosen_channel"],
        "propensity": week["propensity"],
    }
    return pa.table({each: columns[each] for each in SCHEMA.names}, schema=SCHEMA)


def render(result: dict[str, Any]) -> list[Any]:
    rows = [[name.replace("_", " "), result[name]] for name in ("sent", "held_back", "without_propensity")]
    return [
        grid(f"Contacts of the week as of {result['moment']}", ["kind", "rows"], rows),
        f"Written: {result['path']}; leave out what was not sent, and let it come in with the next feed",
    ]
