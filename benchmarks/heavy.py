"""Old lines of a heavy account cost half of what lines of the last two years do, to the same bit.

Ours carries over what is older than the longest window (features.carry); one peer is the same reader with the
whole history before every family, the other an account of the last two years alone. All read all facts of one
account on one thread, in turns; ours and the whole history give the same bytes. Seconds are the thread's own.
The last line of the output is one JSON object.
"""

import argparse
import json
import platform
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.order_base import T, write_tables
from features.carry import HEAVY
from features.family import LONGEST
from features.reader import FactTable, read_facts
from tables.history import Histories, read_histories
from tables.moment import DAY
from tables.sorting import write_histories

GOAL = 0.5  # of a recent line's cost, for an older one
WHOLE = 2**62
YEAR = 364
CORRECTED = 200


def made(folder: Path, lines: int, days: int) -> Histories:
    """A base of one account with so many lines over so many days, one in 200 corrected a month later."""
    write_tables(folder / "tables", 1, lines, days)
    path = folder / "tables" / "transactions.parquet"
    rows = pq.read_table(path)
    later = rows.take(np.arange(0, len(rows), CORRECTED))
    known = pc.add(later["known_at"], pa.scalar(30 * DAY, pa.duration("us")))
    later = later.set_column(later.column_names.index("known_at"), "known_at", known)
    pq.write_table(pa.concat_tables([rows, later]), path, write_page_checksum=True)
    write_histories(folder / "tables", folder / "histories")
    return read_histories(folder / "histories")


def timed(histories: Histories, heavy: int = HEAVY) -> tuple[float, FactTable]:
    begun = time.thread_time()
    facts = read_facts(histories, np.zeros(1, np.int64), T, threads=1, heavy=heavy)
    return time.thread_time() - begun, facts


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--years", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    recent_lines = options.lines * LONGEST // (options.years * YEAR)
    with tempfile.TemporaryDirectory() as name:
        histories = made(Path(name) / "whole", options.lines, options.years * YEAR)
        recent = made(Path(name) / "recent", recent_lines, LONGEST)
        seconds: dict[str, list[float]] = {"carried over": [], "whole history": [], "two years alone": []}
        same = True
        for turn in range(options.rounds + 1):
            ours, facts = timed(histories)
            theirs, whole = timed(histories, WHOLE)
            alone, _ = timed(recent)
            same = same and facts.hash() == whole.hash()
            if turn:  # the first one loads what is compiled, and the files
                for kept, spent in zip(seconds.values(), (ours, theirs, alone), strict=True):
                    kept.append(spent)
    best = {kind: min(each) for kind, each in seconds.items()}
    for kind, spent in best.items():
        print(f"{kind:16} {spent:7.3f} s")
    ours = best.pop("carried over")
    recent_cost = best["two years alone"] / recent_lines
    old_cost = (ours - best["two years alone"]) / (options.lines - recent_lines)
    print(f"a line of the last two years {recent_cost * 1e6:.2f} us, an older one {old_cost * 1e6:.2f} us")
    print(f"the same bytes: {same}")
    result: dict[str, Any] = {
        "claim": (__doc__ or "").splitlines()[0],
        "size": {"lines": options.lines, "years": options.years, "recent_lines": recent_lines},
        "ours": {"carried over": ours},
        "peers": best,
        "ratio": {kind: spent / ours for kind, spent in best.items()},
        "microseconds_a_line": {"recent": recent_cost * 1e6, "old": old_cost * 1e6},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "numba": numba.__version__,
        },
        "holds": bool(same and old_cost <= GOAL * recent_cost),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
