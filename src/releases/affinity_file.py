"""The affinity model in a sealed, signed folder: its text, its numbers, and golden rows that it must answer
as it did when it was sealed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from models.affinity import HORIZON_DAYS, Affinity
from models.calibration import Calibration
from models.candidate import NAMES
from models.promise import Promise
from models.purchase import FIELDS
from releases.home import Home
from releases.horizon_file import read_season
from releases.model_file import read_model, write_model
from releases.signature import sign, verify_signed
from tables.refusal import Refused
from tables.sealed import canonical_json, point, pointed, sealed_folder

Floats = npt.NDArray[np.float64]
FILE, MODEL, GOLDEN, ANSWER = "affinity.json", "affinity", "golden.parquet", "answer"
GOLDEN_ROWS = 64


class Golden(NamedTuple):
    """Pairs that the model must go on answering as it did; values: (pairs, facts); moment: microseconds."""

    values: Floats
    moment: int


@dataclass(frozen=True)
class KeptAffinity:
    """A verified affinity model; about: what training wrote down."""

    name: str
    model: Affinity
    about: dict[str, Any]


def keep_affinity(home: Home, model: Affinity, about: dict[str, Any], golden: Golden) -> Path:
    """Seal and sign the model and make it the home's current one; returns its folder."""
    with sealed_folder(home.affinity) as staged:
        write_affinity(staged.path, model, about, golden)
    sign(staged.path, home.key())
    point(home.affinity, staged.name)
    return staged.path


def current_affinity(home: Home) -> KeptAffinity:
    """The home's current model, its hashes, signature, structure and golden rows checked; else Refused."""
    folder = pointed(home.affinity)
    if folder is None:
        raise Refused(f"{home.path}: no affinity model was trained yet; run `holdfast affinity` first")
    verify_signed(folder, home.key())
    return read_affinity(folder)


def write_affinity(folder: Path, model: Affinity, about: dict[str, Any], golden: Golden) -> None:
    write_model(folder, MODEL, model.promise.booster)
    told = {
        "facts": NAMES,
        "field": model.field,
        "horizon_days": HORIZON_DAYS,
        "calibration": model.promise.calibration._asdict(),
        "season": model.promise.season._asdict(),
        "elsewhere": model.elsewhere,
        "golden_moment": golden.moment,
        "about": about,
    }
    (folder / FILE).write_text(canonical_json(told), encoding="utf-8")
    rows = np.ascontiguousarray(golden.values[:GOLDEN_ROWS])
    columns = {name: rows[:, k] for k, name in enumerate(NAMES)}
    answer = _read(folder, told).promise(rows, golden.moment)
    pq.write_table(pa.table(columns | {ANSWER: answer}), folder / GOLDEN, write_page_checksum=True)


def read_affinity(folder: Path) -> KeptAffinity:
    """Check the structure, load, replay; the hashes are the caller's to check."""
    try:
        told = json.loads((folder / FILE).read_text(encoding="utf-8"))
        model = _read(folder, told)
        golden = pq.read_table(folder / GOLDEN, page_checksum_verification=True)
        rows = np.column_stack([golden[name].to_numpy() for name in NAMES])
        if not np.array_equal(model.promise(rows, told["golden_moment"]), golden[ANSWER].to_numpy()):
            raise Refused(f"{folder}: on the golden rows, the model is not what it was when sealed")
        return KeptAffinity(folder.name, model, told["about"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(
            f"{folder}: not a whole affinity model ({error}); run `holdfast affinity` again"
        ) from error


def _read(folder: Path, told: dict[str, Any]) -> Affinity:
    if tuple(told["facts"]) != NAMES or told["field"] not in FIELDS or told["horizon_days"] != HORIZON_DAYS:
        raise Refused(f"{folder}: the affinity model was trained for another version; train it again")
    elsewhere = float(told["elsewhere"])
    if not 0 <= elsewhere <= 1:
        raise Refused(f"{folder}: {FILE}: expected a probability for elsewhere; came {elsewhere}")
    booster = read_model(folder, MODEL, NAMES, str(folder))
    promise = Promise(booster, Calibration(**told["calibration"]), read_season(told["season"]))
    return Affinity(told["field"], promise, elsewhere)
