"""The other horizons in a bundle: a LightGBM text for each step, and what else one must know of it."""

from pathlib import Path
from typing import Any

from models.calibration import Calibration
from models.horizon import Horizons, Step
from models.promise import Promise
from models.season import Season
from releases.model_file import read_model, write_model


def write_horizons(folder: Path, horizons: Horizons | None) -> dict[str, Any] | None:
    """Write horizon_<days>.txt; returns the rest."""
    if horizons is None:
        return None
    steps = []
    for days, given, (booster, calibration, season) in horizons.steps:
        write_model(folder, f"horizon_{days}", booster)
        said = {"calibration": calibration._asdict(), "season": season._asdict()}
        steps.append({"days": days, "given": given, **said})
    return {"own": horizons.own, "facts": horizons.names, "steps": steps}


def read_horizons(folder: Path, said: dict[str, Any] | None, where: str) -> Horizons | None:
    if said is None:
        return None
    names, steps = tuple(said["facts"]), []
    for each in said["steps"]:
        days = int(each["days"])
        booster = read_model(folder, f"horizon_{days}", names, where)
        promise = Promise(booster, Calibration(**each["calibration"]), read_season(each["season"]))
        steps.append(Step(days, int(each["given"]), promise))
    return Horizons(int(said["own"]), names, tuple(steps))


def read_season(said: dict[str, list[Any]]) -> Season:
    return Season(tuple(said["moments"]), tuple(said["shifts"]))
