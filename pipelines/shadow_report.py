"""`holdfast shadow`: what shadows said beside their weeks, and who was right once it is known."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from decisions.assess import IN_BASE
from decisions.bounds import read_bounds
from decisions.policy import read_policy
from models.question import Question
from pipelines.as_of import open_base
from pipelines.configuration import configuration
from pipelines.past import promised_of
from pipelines.shadow_outcome import Said, outcome, outcome_table
from pipelines.terminal import bar, grid
from pipelines.watch import BOUNDS
from releases.home import Home
from releases.shadow import shadows
from releases.watch import KeptWeek, read_columns, verified
from tables.moment import local_day
from tables.refusal import Refused


def beside(week: Path, shadow: Path) -> dict[str, Any]:
    """How far the two agree, before anything is known of what happened."""
    wanted = ["customer_id", "status", "churn_probability", "chosen_offer"]
    ours, theirs = (read_columns(folder, wanted) for folder in (shadow, week))
    if not ours["customer_id"].combine_chunks().equals(theirs["customer_id"].combine_chunks()):
        raise Refused(f"{shadow}: not of the same customers as {week}")
    inside = pc.equal(theirs["status"], IN_BASE)
    ours, theirs = ours.filter(inside), theirs.filter(inside)
    same = pc.equal(ours["chosen_offer"].fill_null(""), theirs["chosen_offer"].fill_null(""))
    churn = [each["churn_probability"].to_numpy() for each in (ours, theirs)]
    given = [each["chosen_offer"].length() - each["chosen_offer"].null_count for each in (ours, theirs)]
    return {
        "customers": len(ours),
        "same_choice": float(pc.mean(same.cast(pa.float64())).as_py() or 0.0),
        "offers": {"shadow": given[0], "week": given[1]},
        "mean_churn": {"shadow": float(churn[0].mean()), "week": float(churn[1].mean())},
        "mean_distance": float(np.abs(churn[0] - churn[1]).mean()),
    }


def compare_shadows(home: Home) -> dict[str, Any]:
    """Every shadow beside its week; with what happened, where that is known at the base's last moment."""
    with bar("verifying the base") as progress:
        base, histories = open_base(home, progress)
    key = home.key()
    bounds = read_bounds(configuration() / BOUNDS).outcomes
    rate = read_policy(configuration() / "policy.yaml").margin_rate
    told: list[dict[str, Any]] = []
    for folder, about in shadows(home, key):
        week = KeptWeek(home.weeks / about.week, about.moment, published=True)
        said: dict[str, Any] = {
            "moment": local_day(about.moment, histories.time_zone),
            "week": about.week,
            "model": about.model,
            "version": about.version,
            "spent": about.spent,
        }
        question = Question(**about.question)
        if not week.folder.is_dir() or not verified(week, key):
            said["says"] = "its week is not kept any more"
        else:
            said |= beside(week.folder, folder)
            if about.moment + question.known_after > histories.last_at:
                said["says"] = "its horizon is not over yet"
            else:
                ours, theirs = (
                    promised_of(KeptWeek(path, about.moment, True), "", histories, bounds.most_customers)
                    for path in (folder, week.folder)
                )
                moments = np.full(len(ours.places), about.moment)
                promises = Said(ours.places, moments, ours.churn, theirs.churn)
                said["says"] = ""
                said |= outcome(histories, question, promises, rate, "week")
        told.append(said)
    return {"base": base.name, "shadows": told}


def render(result: dict[str, Any]) -> list[Any]:
    if not result["shadows"]:
        return [
            "No week has a shadow; holdfast score --shadow VERSION gives it one. "
            "holdfast shadow --decisions VERSION asks a version about the service's decisions."
        ]
    rows: list[list[Any]] = []
    known: list[tuple[list[str], dict[str, Any]]] = []
    for each in result["shadows"]:
        name = [each["moment"], str(each["version"])]
        if "same_choice" in each:
            same, distance = f"{each['same_choice']:.1%}", f"{each['mean_distance']:.3f}"
            rows.append([*name, same, distance, each["says"] or "known"])
        else:
            rows.append([*name, "-", "-", each["says"]])
        if "ahead" in each:
            known.append((name, each))
    parts: list[Any] = [
        grid("Shadows", ["week", "version", "same choice", "mean distance of promises", "outcome"], rows)
    ]
    if known:
        parts.append(outcome_table("week", "week", known))
    return parts
