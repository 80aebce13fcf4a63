"""`holdfast train`: churn, value and offer models from the current base, tracked and registered in MLflow."""

import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from decisions.policy import read_policy
from models.census import reference_of
from models.churn import CustomerModels, train_customer_models
from models.effect import OfferTraining, train_offer_models
from models.frame import Frame, Moments, build_frame, check_answerable, training_moments
from models.question import Question
from pipelines.as_of import moment_of, offers_of, open_base
from pipelines.configuration import configuration
from pipelines.registry import model_of
from pipelines.terminal import bar, grid
from pipelines.tracking import Tracked, track
from pipelines.truth import compare_with_truth
from releases.bundle import write_bundle
from releases.home import Home
from releases.reference import write_reference
from tables.history import Histories
from tables.moment import in_zone, local_day


def train(home: Home, as_of: str | None, question: Question, experiment: str) -> dict[str, Any]:
    base, histories = open_base(home)
    check_answerable(histories, question)
    t = moment_of(histories, as_of)
    policy = read_policy(configuration() / "policy.yaml")
    offers = offers_of(base, t, histories.time_zone)
    moments = training_moments(histories, question, t)
    with bar("reading facts") as progress:
        frame = build_frame(
            histories,
            question,
            moments,
            margin_rate=policy.margin_rate,
            progress=progress,
        )
    with bar("training churn, value") as progress:
        customer = train_customer_models(frame, moments, question, histories.time_zone, progress)
    with bar("training offers") as progress:
        offer = train_offer_models(
            histories,
            offers,
            moments.test[-1],
            t,
            margin_rate=policy.margin_rate,
            progress=progress,
        )
    truth = compare_with_truth(
        home, histories, customer, offer.evaluated, moments.test[-1], offers, question, policy
    )
    result = _result(histories, base, t, question, moments, frame, customer, offer, truth)
    scorer = customer.scorer(offer.published)
    with tempfile.TemporaryDirectory() as folder, bar("logging to MLflow") as progress:
        progress(0, 1)
        latest = frame.at(moments.test[-1:]).facts
        judged = customer.judged_scorer(offer.evaluated)
        write_bundle(Path(folder), scorer, judged, question, result, latest)
        write_reference(Path(folder), reference_of(frame, scorer, offers))
        made = Tracked(Path(folder), result, scorer, customer, frame, question)
        logged = track(made, model_of(base), experiment)
        progress(1, 1)
    return result | logged


def _result(
    histories: Histories,
    base: Path,
    t: int,
    question: Question,
    moments: Moments,
    frame: Frame,
    customer: CustomerModels,
    offer: OfferTraining,
    truth: dict[str, Any],
) -> dict[str, Any]:
    strongest = sorted(customer.importance.items(), key=lambda each: -each[1])
    return {
        "base": base.name,
        "as_of": in_zone(t, histories.time_zone).isoformat(),
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "question": asdict(question) | {"label": question.label, "leaving": question.leaving},
        "moments": {
            "train": [local_day(each, histories.time_zone) for each in moments.train],
            "test": [local_day(each, histories.time_zone) for each in moments.test],
            "test_at": list(moments.test),
        },
        "data": {
            "hash": frame.facts.hash(),
            "rows": len(frame),
            "facts": len(customer.names),
            "customers": len(np.unique(frame.facts.places)),
            "customers_unseen_in_training": len(np.unique(frame.facts.places[frame.unseen])),
        },
        "churn": {
            **asdict(customer.evaluation),
            "calibration": customer.published.calibration,
            "by_horizon": {
                f"{days}d": asdict(each) | {"moment": local_day(each.moment, histories.time_zone)}
                for days, each in customer.horizons.judged.items()
            },
            "horizons_left_out": {f"{days}d": why for days, why in customer.horizons.untold.items()},
        },
        "value": customer.value_evaluation | {"share_within_by_slice": customer.value_within},
        "offers": {
            "contacts": offer.contacts,
            "held_back": offer.held_back,
            "identified": offer.published.uplift is not None,
            "why_not": offer.published.why_not,
            **offer.evaluation,
        },
        "truth": truth,
        "importance": dict(strongest[:20]),
    }


def render(result: dict[str, Any]) -> list[Any]:
    churn = result["churn"]
    compared = ["auc", "auc of recency", "auc of rfm_logistic", "brier"]
    metrics = ["auc", "average_precision", "brier", "calibration_error", "calibration_slope"]
    headline = [
        [model, *(str(figures[name]) for name in metrics)] for model, figures in churn["headline"].items()
    ]
    ahead = [[f"AUC gained over {model}", str(gain)] for model, gain in churn["ahead"].items()]
    sliced = [_part(name, models) for name, models in churn["by_slice"].items()]
    monthly = [_part(name, models) for name, models in churn["by_month"].items()]
    parts: list[Any] = [
        f"Held-out time {result['moments']['test'][-1]}: {churn['customers']:,} customers, "
        f"{churn['churn_rate']:.1%} {result['question']['leaving']} "
        "(95 % bootstrap intervals)",
        grid("Churn", ["model", *metrics], headline),
        grid("Ahead (paired)", ["baseline", "difference"], ahead),
        grid("By month", ["moment", *compared], monthly),
        grid("By slice", ["slice", *compared], sliced),
        *_by_horizon(churn),
        grid("Value over the horizon", ["figure", "value"], _value_rows(result["value"])),
    ]
    offers = result["offers"]
    known = [[name, str(each)] for name, each in offers.items() if isinstance(each, tuple)]
    parts.append(
        grid("Offers", ["figure", "value"], [["contacts", offers["contacts"]], *known])
        if known
        else f"Offers: {offers['why_not']}"
    )
    if result["truth"]:
        parts.append(grid("Against the truth", ["figure", "value"], _truth_rows(result["truth"])))
    if "registered" in result:
        parts.append(
            f"Registered {result['registered']['name']} version {result['registered']['version']} as "
            f"challenger in {result['tracking_uri']}; next: holdfast promote"
        )
    return parts


def _by_horizon(churn: dict[str, Any]) -> list[Any]:
    metrics = ["auc", "brier", "calibration_error", "calibration_slope"]
    rows = [
        [name, each["moment"], f"{each['silent']:.1%}", *(str(each["figures"][metric]) for metric in metrics)]
        for name, each in churn["by_horizon"].items()
    ]
    found: list[Any] = (
        [grid("Other horizons", ["horizon", "as of", "silent", *metrics], rows)] if rows else []
    )
    return found + [
        f"Left out, the horizon of {name}: {why}" for name, why in churn["horizons_left_out"].items()
    ]


def _value_rows(value: dict[str, Any]) -> list[list[str]]:
    by_slice = value["share_within_by_slice"]
    rows = [[name.replace("_", " "), str(each)] for name, each in value.items() if each is not by_slice]
    return rows + [[f"share within interval: {name}", str(each)] for name, each in by_slice.items()]


def _part(name: str, models: dict[str, Any]) -> list[str]:
    return [
        name,
        str(models["model"]["auc"]),
        str(models["recency"]["auc"]),
        str(models["rfm_logistic"]["auc"]),
        str(models["model"]["brier"]),
    ]


def _truth_rows(truth: dict[str, Any]) -> list[list[Any]]:
    return [[name.replace("_", " "), f"{value:,.4g}"] for name, value in truth.items()]
