"""An offer model's effect in a bundle: LightGBM texts and their weights, or the shared model's numbers."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from models.basis import KNOTS, Basis
from models.contact import EFFECT_FACTS, OFFER_TERMS
from models.shared_effect import SharedEffect
from models.uplift_learner import CONTACTED, LEARNERS, BoostedEffect, EffectModel, Term
from releases.model_file import read_model, write_model
from tables.refusal import Refused
from tables.sealed import canonical_json

FILE = "uplift.json"
SHARED = "shared"
# What a LightGBM model of the effect may ask: the customer, with the offer, with what was done.
PAIR = (*EFFECT_FACTS, *OFFER_TERMS)
ASKED = {len(names): names for names in (EFFECT_FACTS, PAIR, (*PAIR, CONTACTED))}
MOST_TERMS = 4


def write_effect(folder: Path, model: EffectModel) -> None:
    """Write uplift.json, and uplift_<n>.txt for each LightGBM model."""
    told: dict[str, Any] = {"learner": model.learner, "facts": model.names, "offer": model.offer_names}
    if isinstance(model, BoostedEffect):
        told["terms"] = [{"weight": term.weight, "contacted": term.contacted} for term in model.terms]
        for k, term in enumerate(model.terms):
            write_model(folder, f"uplift_{k}", term.booster)
    else:
        told |= {name: getattr(model, name).tolist() for name in _shapes(0, 0, 0)}
        told["knots"], told["ranks"] = model.basis.knots.tolist(), model.basis.ranks.tolist()
        told["missing"] = model.basis.missing
    (folder / FILE).write_text(canonical_json(told), encoding="utf-8")


def read_effect(folder: Path, where: str) -> EffectModel | None:
    """None where the bundle holds no effect; Refused where what it holds is not whole."""
    if not (folder / FILE).exists():
        return None
    told = json.loads((folder / FILE).read_text(encoding="utf-8"))
    if tuple(told["facts"]) != EFFECT_FACTS or tuple(told["offer"]) != OFFER_TERMS:
        raise Refused(f"{where}: the offer model was trained on other facts than this version reads")
    if told["learner"] == SHARED:
        return _shared(told, where)
    if told["learner"] not in LEARNERS or not 1 <= len(told["terms"]) <= MOST_TERMS:
        raise Refused(f"{where}: {FILE} names no learner of an effect that this version knows")
    terms = tuple(_term(folder, k, each, where) for k, each in enumerate(told["terms"]))
    return BoostedEffect(EFFECT_FACTS, OFFER_TERMS, terms, told["learner"])


def _term(folder: Path, k: int, told: dict[str, float], where: str) -> Term:
    text = (folder / f"uplift_{k}.txt").read_text(encoding="utf-8")
    named = [line for line in text.splitlines()[:20] if line.startswith("feature_names=")]
    names = ASKED.get(len(named[0].split())) if named else None
    if names is None:
        raise Refused(f"{where}: uplift_{k} was trained on other facts than this version reads")
    return Term(
        read_model(folder, f"uplift_{k}", names, where), float(told["weight"]), float(told["contacted"])
    )


def _shared(told: dict[str, Any], where: str) -> SharedEffect:
    missing = tuple(int(k) for k in told["missing"])
    facts, columns, own = len(EFFECT_FACTS), 1 + len(EFFECT_FACTS) + len(missing), len(told["own"])
    shapes = _shapes(len(OFFER_TERMS), columns, own) | {"knots": (facts, KNOTS), "ranks": (facts, KNOTS)}
    parts = {name: np.array(told[name], np.float64).reshape(shape) for name, shape in shapes.items()}
    sound = all(np.isfinite(part).all() for part in parts.values()) and set(missing) <= set(range(facts))
    if not sound or (np.diff(parts["knots"]) <= 0).any() or (parts["scale"] <= 0).any():
        raise Refused(f"{where}: {FILE} holds numbers that no training writes")
    basis = Basis(parts.pop("knots"), parts.pop("ranks"), missing)
    numbers = (parts[name] for name in ("centre", "scale", "common", "by_term", "own_terms", "own"))
    centre, scale, common, by_term, own_terms, its_own = numbers
    return SharedEffect(EFFECT_FACTS, OFFER_TERMS, basis, centre, scale, common, by_term, own_terms, its_own)


def _shapes(terms: int, columns: int, own: int) -> dict[str, tuple[int, ...]]:
    return {
        "centre": (terms,),
        "scale": (terms,),
        "common": (columns,),
        "by_term": (terms, columns),
        "own_terms": (own, terms),
        "own": (own, columns),
    }
