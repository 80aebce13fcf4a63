"""The bundle: models, calibration, the names of their facts, and golden rows that prove they still answer
as they did when they were sealed.

Two sets of models lie in it: those that are published, and under judged/ those of the same recipe that had
seen the training moments only, on which alone a promise can be held against what came.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.reader import FactTable
from models.calibration import Calibration
from models.contact import CONTACT_NAMES
from models.effect import UPLIFT_NAMES, OfferModels
from models.horizon import Horizons, Step
from models.promise import Promise
from models.question import Question
from models.reason import strongest
from models.scorer import Scorer
from models.season import Season
from models.value_range import ValueRange
from releases.signature import verify_signed
from releases.structure import check_model_text
from tables.offer import Offer
from tables.refusal import Refused
from tables.sealed import canonical_json

MODELS = ("churn", "value", "response", "uplift")
OFFER_MODELS = {"response": CONTACT_NAMES, "uplift": UPLIFT_NAMES}
# Folders within the bundle, the second for who compares models.
PUBLISHED, JUDGED = "", "judged"
GOLDEN = "golden.parquet"
GOLDEN_ROWS = 64
# Any offer will do: what counts is that the answer stays the same.
GOLDEN_OFFER = Offer("golden", "coupon", "golden", reward=1000, cost=800, contact_cost=10)


@dataclass(frozen=True)
class Bundle:
    """A verified bundle. `about` is what training wrote down: data hash, figures, versions."""

    name: str
    scorer: Scorer
    question: Question
    about: dict[str, Any]
    folder: Path

    @cached_property
    def judged(self) -> Scorer:
        """The models that were judged: nothing after the first of about["moments"]["test_at"] taught them.

        Read, checked and replayed when first asked for: neither the week nor the service needs them. Raises
        Refused when they are damaged or were not kept.
        """
        with _refusing_damage(self.folder):
            return _replayed(self.folder, JUDGED)


def write_bundle(
    folder: Path,
    scorer: Scorer,
    judged: Scorer,
    question: Question,
    about: dict[str, Any],
    golden: FactTable,
) -> None:
    """Write a bundle's files; sealing and signing are the caller's. golden: facts at one moment."""
    moment = int(golden.moments[0])
    description = {
        "facts": scorer.names,
        **_write_scorer(folder, scorer),
        JUDGED: _write_scorer(folder / JUDGED, judged),
        "golden_moment": moment,
        "question": asdict(question),
        "about": about,
    }
    (folder / "bundle.json").write_text(canonical_json(description), encoding="utf-8")
    facts = np.ascontiguousarray(golden.values[:GOLDEN_ROWS])
    columns = {name: facts[:, k] for k, name in enumerate(scorer.names)}
    for which in (PUBLISHED, JUDGED):
        reread = _read_scorer(folder, description, which)
        columns |= {_answer(which, name): part for name, part in _answers(reread, facts, moment).items()}
    pq.write_table(pa.table(columns), folder / GOLDEN, write_page_checksum=True)


def _write_scorer(folder: Path, scorer: Scorer) -> dict[str, Any]:
    """Write the models; returns what else one must know of them."""
    folder.mkdir(exist_ok=True)
    for name in MODELS:
        booster: lgb.Booster | None = getattr(scorer.offer if name in OFFER_MODELS else scorer, name)
        if booster is not None:
            _write_model(folder, name, booster)
    for step in scorer.horizons.steps if scorer.horizons else ():
        _write_model(folder, _horizon_file(step.days), step.promise.booster)
    return {
        "calibration": scorer.calibration._asdict(),
        "season": scorer.season._asdict(),
        "value_season": scorer.value_season._asdict(),
        "value_range": scorer.value_range._asdict() if scorer.value_range else None,
        "horizons": _horizons_described(scorer.horizons),
        "usual_spend": scorer.offer.usual_spend,
        "why_no_effect": scorer.offer.why_not,
    }


def _horizons_described(horizons: Horizons | None) -> dict[str, Any] | None:
    if horizons is None:
        return None
    steps = [
        {
            "days": step.days,
            "given": step.given,
            "calibration": step.promise.calibration._asdict(),
            "season": step.promise.season._asdict(),
        }
        for step in horizons.steps
    ]
    return {"own": horizons.own, "facts": horizons.names, "steps": steps}


def _horizon_file(days: int) -> str:
    return f"horizon_{days}"


def _write_model(folder: Path, name: str, booster: lgb.Booster) -> None:
    (folder / f"{name}.txt").write_text(_plain_text(booster), encoding="utf-8")


def read_bundle(folder: Path, key: bytes) -> Bundle:
    """Verify hashes and signature, check the structure, load, replay the golden rows; Refused otherwise."""
    verify_signed(folder, key)
    return open_bundle(folder)


def open_bundle(folder: Path) -> Bundle:
    """Load a bundle whose hashes were checked, or one from MLflow, which has none; Refused if damaged."""
    with _refusing_damage(folder):
        scorer = _replayed(folder, PUBLISHED)
        said = _description(folder)
        return Bundle(folder.name, scorer, Question(**said["question"]), said["about"], folder)


@contextmanager
def _refusing_damage(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f"{folder}: not a whole bundle ({error}); train and promote a new one") from error


def _replayed(folder: Path, which: str) -> Scorer:
    """One of the two sets of models, which answers the golden rows as it did."""
    description = _description(folder)
    scorer = _read_scorer(folder, description, which)
    golden = pq.read_table(folder / GOLDEN, page_checksum_verification=True)
    facts = np.column_stack([golden[name].to_numpy() for name in scorer.names])
    for name, part in _answers(scorer, facts, description["golden_moment"]).items():
        if not np.array_equal(part, golden[_answer(which, name)].to_numpy(), equal_nan=True):
            raise Refused(f"{folder / which}: on the golden rows, {name} is not what it was when sealed")
    return scorer


def _answer(which: str, name: str) -> str:
    """The column of the golden rows."""
    return f"answer:{which}:{name}" if which else f"answer:{name}"


def _description(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "bundle.json").read_text(encoding="utf-8")))


def _answers(scorer: Scorer, facts: Any, moment: int) -> dict[str, Any]:
    """What the golden rows must always give: scores, what else is foretold, and how much the strongest
    reasons weigh."""
    scores = scorer.score(facts, scorer.names, (GOLDEN_OFFER,), moment)
    outlook = scorer.outlook(facts, scorer.names, moment, scores)
    effect = strongest(scorer.contributions(facts, scorer.names), scorer.names).effect
    return {
        **{name: np.ravel(part) for name, part in scores._asdict().items()},
        **{f"churn_{days}d": outlook.by_horizon[:, k] for k, days in enumerate(scorer.horizon_days)},
        **({"value_low": outlook.value_low, "value_high": outlook.value_high} if scorer.value_range else {}),
        **{f"reason_{k + 1}": effect[:, k] for k in range(effect.shape[1])},
    }


def _read_scorer(folder: Path, whole: dict[str, Any], which: str) -> Scorer:
    names = tuple(whole["facts"])
    description = whole[which] if which else whole
    where = str(folder / which)
    boosters: dict[str, lgb.Booster | None] = {}
    for name in MODELS:
        path = folder / which / f"{name}.txt"
        known = OFFER_MODELS.get(name, names)
        boosters[name] = _read_model(path, known, f"{where}: {name}") if path.exists() else None
    if boosters["churn"] is None or boosters["value"] is None:
        raise Refused(f"{where}: holds no churn or no value model")
    return Scorer(
        names=names,
        churn=boosters["churn"],
        calibration=Calibration(**description["calibration"]),
        season=_season(description["season"]),
        value_season=_season(description["value_season"]),
        value=boosters["value"],
        offer=OfferModels(
            boosters["response"],
            boosters["uplift"],
            description["usual_spend"],
            description["why_no_effect"],
        ),
        horizons=_read_horizons(folder / which, description.get("horizons"), where),
        value_range=_value_range(description.get("value_range")),
    )


def _read_model(path: Path, names: tuple[str, ...], where: str) -> lgb.Booster:
    text = path.read_text(encoding="utf-8")
    check_model_text(text, names, where)
    return lgb.Booster(model_str=text)


def _read_horizons(folder: Path, said: dict[str, Any] | None, where: str) -> Horizons | None:
    if said is None:
        return None
    names, steps = tuple(said["facts"]), []
    for each in said["steps"]:
        name = _horizon_file(int(each["days"]))
        booster = _read_model(folder / f"{name}.txt", names, f"{where}: {name}")
        promise = Promise(booster, Calibration(**each["calibration"]), _season(each["season"]))
        steps.append(Step(int(each["days"]), int(each["given"]), promise))
    return Horizons(int(said["own"]), names, tuple(steps))


def _value_range(said: dict[str, list[float]] | None) -> ValueRange | None:
    return ValueRange(**{name: tuple(ends) for name, ends in said.items()}) if said else None


def _season(description: dict[str, list[Any]]) -> Season:
    return Season(tuple(description["moments"]), tuple(description["shifts"]))


def _plain_text(booster: lgb.Booster) -> str:
    """The model without the parameters section, which names threads and files of the training machine."""
    text: str = booster.model_to_string(num_iteration=-1)
    head, separator, _ = text.partition("\nparameters:\n")
    return head + "\n" if separator else text
