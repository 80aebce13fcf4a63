"""`holdfast log verify` and `holdfast log compact`: the log of decisions as its keeper sees it."""

from dataclasses import asdict
from typing import Any

from pipelines.terminal import grid
from releases import decision_archive
from releases.home import Home
from tables.refusal import Refused


def verify(home: Home) -> dict[str, Any]:
    return {"chains": [asdict(state) for state in decision_archive.verify_chains(home)]}


def refuse_damage(said: dict[str, Any]) -> None:
    """Raise Refused, naming the first fault, when a chain has one."""
    faults = [fault for chain in said["chains"] for fault in chain["faults"]]
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise Refused(faults[0] + more)


def compact(home: Home) -> dict[str, Any]:
    return decision_archive.compact(home)._asdict()


def render_verified(said: dict[str, Any]) -> list[Any]:
    header = ["chain", "segments", "compacted", "decisions", "torn bytes", "whole", "ends with"]
    rows = [
        [
            chain["writer"],
            *(chain[name] for name in ("segments", "compacted", "decisions", "torn")),
            "NO" if chain["faults"] else "yes",
            chain["end"][:16],
        ]
        for chain in said["chains"]
    ]
    faults = [fault for chain in said["chains"] for fault in chain["faults"]]
    return [grid("The log of decisions", header, rows) if rows else "Nothing was decided yet", *faults]


def render_compacted(said: dict[str, Any]) -> list[Any]:
    before, after = said["bytes_before"], said["bytes_after"]
    return [f"{said['segments']} segments compacted, from {before:,} to {after:,} bytes"]
