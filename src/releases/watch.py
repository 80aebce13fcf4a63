"""What a week remembers of itself for the weeks after it, and where its report stands."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from models.census import Census
from models.question import Question
from releases.home import WEEK_ABOUT, Home
from releases.signature import verify_signed
from releases.week import SCORES
from tables.arrival import Arrivals
from tables.refusal import Refused
from tables.sealed import MANIFEST, canonical_json

MEMORY = "watch.json"


@dataclass(frozen=True)
class Memory:
    """A week's own counts. present: tables and columns of its base; question: what its promises are of;
    accepted: why it was published beyond a bound that stops ('' when none was broken)."""

    moment: int
    bundle: str
    question: Question
    census: Census
    arrivals: Arrivals
    present: frozenset[str]
    accepted: str = ""


def write_memory(folder: Path, memory: Memory) -> None:
    """Into the folder of a week, before it is sealed."""
    said = {
        "moment": memory.moment,
        "bundle": memory.bundle,
        "question": asdict(memory.question),
        "census": memory.census.as_json(),
        "arrivals": {name: part.tolist() for name, part in memory.arrivals.arrays().items()},
        "present": sorted(memory.present),
        "accepted": memory.accepted,
    }
    (folder / MEMORY).write_text(canonical_json(said), encoding="utf-8")


def read_memory(folder: Path) -> Memory | None:
    """Of a verified week; None of one that was published before weeks were watched."""
    path = folder / MEMORY
    if not path.exists():
        return None
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return Memory(
            moment=said["moment"],
            bundle=said["bundle"],
            # Weeks of before asked for silence only and did not say so.
            question=Question(**said.get("question", {"horizon_days": said.get("horizon_days", 0)})),
            census=Census.from_json(said["census"]),
            arrivals=Arrivals.of_arrays(said["moment"], said["arrivals"]),
            present=frozenset(said["present"]),
            accepted=said["accepted"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f"{path}: cannot be read ({error})") from error


@dataclass(frozen=True)
class KeptWeek:
    """A sealed week on the shelf, not yet verified. published: it was, and was not rolled back."""

    folder: Path
    moment: int
    published: bool


def kept_weeks(home: Home, before: int) -> list[KeptWeek]:
    """The sealed weeks of moments before `before`, the oldest first; of several of one moment, the one that
    was published last, else the one sealed last."""
    ranks = {state.week: -k for k, state in enumerate(home.states())}
    found: dict[int, tuple[tuple[float, float], KeptWeek]] = {}
    for folder in home.weeks.glob("*"):
        if not (folder / MANIFEST).exists():
            continue
        try:
            moment = int(json.loads((folder / WEEK_ABOUT).read_text(encoding="utf-8"))["moment"])
        except (OSError, ValueError, KeyError, TypeError):  # damaged: `holdfast status` says so
            continue
        rank = (ranks.get(folder.name, -math.inf), (folder / MANIFEST).stat().st_mtime)
        if moment < before and (moment not in found or rank > found[moment][0]):
            found[moment] = rank, KeptWeek(folder, moment, folder.name in ranks)
    return [found[moment][1] for moment in sorted(found)]


def verified(week: KeptWeek, key: bytes) -> bool:
    """Whether an old week may be read: a damaged one is passed over, not trusted."""
    try:
        verify_signed(week.folder, key)
    except Refused:
        return False
    return True


def read_columns(folder: Path, columns: list[str]) -> Any:
    """Some columns of a verified week's rows, as an Arrow table."""
    return pq.read_table(folder / SCORES, columns=columns, page_checksum_verification=True)
