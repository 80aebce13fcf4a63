"""`holdfast simulate`: a loyalty world whose truth is known, as incoming tables."""

from typing import Any

import pyarrow.parquet as pq

from pipelines.terminal import bar, grid
from releases.home import Home
from simulator.simulate import simulate as simulate_world
from simulator.world import World
from tables.contract import TABLES
from tables.refusal import Refused
from tables.sealed import canonical_json, point, sealed_folder

WORLD = "truth/world.json"


def simulate(home: Home, customers: int, seed: int, weeks: int) -> dict[str, Any]:
    try:
        world = World(customers=customers, seed=seed, weeks=weeks)
    except ValueError as error:
        raise Refused(str(error)) from error
    with sealed_folder(home.incoming) as staged, bar("simulating customers") as progress:
        simulate_world(world, staged.path, progress)
        base = {
            "source": "simulator",
            "description": f"a simulated loyalty world, seed {seed}",
            "time_zone": world.time_zone,
            "currency": world.currency,
            "minor_units": 100,
            "counted": {},
            "ends_at": world.end.isoformat(),
        }
        (staged.path / "base.json").write_text(canonical_json(base), encoding="utf-8")
        # What `holdfast rehearse` makes the same world again from.
        said = {"customers": customers, "seed": seed, "weeks": weeks}
        (staged.path / WORLD).write_text(canonical_json(said), encoding="utf-8")
    point(home.incoming, staged.name)
    rows = {name: pq.read_metadata(staged.path / f"{name}.parquet").num_rows for name in TABLES}
    return {"incoming": str(staged.path), "customers": customers, "seed": seed, "rows": rows}


def render(result: dict[str, Any]) -> list[Any]:
    rows = [[name, count] for name, count in result["rows"].items()]
    return [grid(f"Simulated {result['customers']:,} customers", ["table", "rows"], rows)]
