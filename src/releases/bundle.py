"""The bundle: models, calibration, the names of their facts, and golden rows that prove they still answer
as they did when they were sealed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.reader import FactTable
from models.calibration import Calibration
from models.contact import CONTACT_NAMES
from models.effect import OfferModels
from models.question import Question
from models.reason import strongest
from models.scorer import Scorer
from models.season import Season
from releases.effect_file import plain_text, read_effect, write_effect
from releases.signature import verify_signed
from releases.structure import check_model_text
from tables.offer import Offer
from tables.refusal import Refused
from tables.sealed import canonical_json

MODELS = ("churn", "value", "response")
OFFER_MODELS = {"response": CONTACT_NAMES}
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


def write_bundle(
    folder: Path, scorer: Scorer, question: Question, about: dict[str, Any], golden: FactTable
) -> None:
    """Write a bundle's files; sealing and signing are the caller's. golden: facts at one moment."""
    moment = int(golden.moments[0])
    for name in MODELS:
        booster: lgb.Booster | None = getattr(scorer.offer if name in OFFER_MODELS else scorer, name)
        if booster is not None:
            (folder / f"{name}.txt").write_text(plain_text(booster), encoding="utf-8")
    if scorer.offer.uplift is not None:
        write_effect(folder, scorer.offer.uplift)
    description = {
        "facts": scorer.names,
        "calibration": scorer.calibration._asdict(),
        "season": scorer.season._asdict(),
        "value_season": scorer.value_season._asdict(),
        "golden_moment": moment,
        "usual_spend": scorer.offer.usual_spend,
        "why_no_effect": scorer.offer.why_not,
        "question": {"horizon_days": question.horizon_days, "base_days": question.base_days},
        "about": about,
    }
    (folder / "bundle.json").write_text(canonical_json(description), encoding="utf-8")
    facts = np.ascontiguousarray(golden.values[:GOLDEN_ROWS])
    columns = {name: facts[:, k] for k, name in enumerate(scorer.names)}
    reread = _read_scorer(folder, description, "the new bundle")
    columns |= {f"answer:{name}": part for name, part in _answers(reread, facts, moment).items()}
    pq.write_table(pa.table(columns), folder / "golden.parquet", write_page_checksum=True)


def read_bundle(folder: Path, key: bytes) -> Bundle:
    """Verify hashes and signature, check the structure, load, replay the golden rows; Refused otherwise."""
    verify_signed(folder, key)
    return open_bundle(folder)


def open_bundle(folder: Path) -> Bundle:
    """Load a bundle whose hashes were checked, or one from MLflow, which has none; Refused if damaged."""
    try:
        return _open_bundle(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f"{folder}: not a whole bundle ({error}); train and promote a new one") from error


def _open_bundle(folder: Path) -> Bundle:
    description = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    scorer = _read_scorer(folder, description, str(folder))
    golden = pq.read_table(folder / "golden.parquet", page_checksum_verification=True)
    facts = np.column_stack([golden[name].to_numpy() for name in scorer.names])
    for name, part in _answers(scorer, facts, description["golden_moment"]).items():
        if not np.array_equal(part, golden[f"answer:{name}"].to_numpy(), equal_nan=True):
            raise Refused(f"{folder}: on the golden rows, {name} is not what it was when sealed")
    return Bundle(folder.name, scorer, Question(**description["question"]), description["about"])


def _answers(scorer: Scorer, facts: Any, moment: int) -> dict[str, Any]:
    """What the golden rows must always give: scores, and how much the strongest reasons weigh."""
    scores = scorer.score(facts, scorer.names, (GOLDEN_OFFER,), moment)
    effect = strongest(scorer.contributions(facts, scorer.names), scorer.names).effect
    return {name: np.ravel(part) for name, part in scores._asdict().items()} | {
        f"reason_{k + 1}": effect[:, k] for k in range(effect.shape[1])
    }


def _read_scorer(folder: Path, description: dict[str, Any], where: str) -> Scorer:
    names = tuple(description["facts"])
    boosters: dict[str, lgb.Booster | None] = {}
    for name in MODELS:
        path = folder / f"{name}.txt"
        if not path.exists():
            boosters[name] = None
            continue
        text = path.read_text(encoding="utf-8")
        check_model_text(text, OFFER_MODELS.get(name, names), f"{where}: {name}")
        boosters[name] = lgb.Booster(model_str=text)
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
            read_effect(folder, where),
            description["usual_spend"],
            description["why_no_effect"],
        ),
    )


def _season(description: dict[str, list[Any]]) -> Season:
    return Season(tuple(description["moments"]), tuple(description["shifts"]))
