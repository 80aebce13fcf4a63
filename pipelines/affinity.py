"""`holdfast affinity`: what customers will buy next, trained, judged on held-out time, tracked and kept."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
import mlflow
import numpy as np

from features.reader import Progress
from models.affinity import (
    HORIZON_DAYS,
    PARAMETERS,
    Affinity,
    affinity_moments,
    build_affinity_frame,
    learn_affinity,
    relearn_affinity,
)
from models.candidate import NAMES
from models.purchase import check_item
from models.ranking import (
    OURS,
    PEERS,
    compare_rankings,
    judge_promise,
    rank_held_out,
    ranker_of,
)
from pipelines.as_of import moment_of, open_base
from pipelines.plot import affinity_plot
from pipelines.terminal import bar, grid
from pipelines.tracking import log_figures, use_experiment
from releases.affinity_file import Golden, keep_affinity
from releases.home import Home
from tables.history import Histories
from tables.moment import in_zone, local_day

mpl.use("Agg")
EXPERIMENT = "holdfast-affinity"
ARTIFACTS = "affinity"
STRONGEST = 15


def affinity(home: Home, as_of: str | None, field: str, experiment: str) -> dict[str, Any]:
    base, histories = open_base(home)
    t = moment_of(histories, as_of)
    with bar("learning what is bought") as progress:
        model, result, golden = train_affinity(histories, t, field, progress)
    result = {"base": base.name, "trained_at": datetime.now(UTC).isoformat(timespec="seconds")} | result
    folder = keep_affinity(home, model, result, golden)
    name = f"{field} within {HORIZON_DAYS}d as of {result['as_of'][:10]}"
    logged = track_affinity(name, result, experiment, folder)
    return result | {"kept": f"{home.affinity.name}/{folder.name}"} | logged


def train_affinity(
    histories: Histories, t: int, field: str, progress: Progress | None = None
) -> tuple[Affinity, dict[str, Any], Golden]:
    """Learnt from the training moments and judged on later ones, then learnt from all of them: the model to
    use, its evidence, and some of the pairs it learnt from."""
    check_item(histories, field)
    moments = affinity_moments(histories, t)
    steps = len(moments.train) + len(moments.test) + 3

    def step(done: int) -> None:
        if progress:
            progress(done, steps)

    every = (*moments.train, *moments.test)
    frame = build_affinity_frame(histories, every, field, progress=lambda done, _: step(done))
    judged = learn_affinity(frame.before(moments.test[0]), field)
    step(steps - 2)
    rankings = rank_held_out(histories, moments.test, field, {OURS: ranker_of(judged), **PEERS})
    figures, ahead = compare_rankings(rankings)
    promise = judge_promise(judged, histories, moments.test[-1])
    step(steps - 1)
    model = relearn_affinity(frame, judged)
    step(steps)
    gains = judged.promise.booster.feature_importance("gain")
    strongest = sorted(zip(NAMES, (gains / gains.sum()).tolist(), strict=True), key=lambda each: -each[1])
    result = {
        "as_of": in_zone(t, histories.time_zone).isoformat(),
        "item": field,
        "horizon_days": HORIZON_DAYS,
        "moments": {
            "train": [local_day(each, histories.time_zone) for each in moments.train],
            "test": [local_day(each, histories.time_zone) for each in moments.test],
        },
        "data": {
            "pairs": len(frame.bought),
            "bought": int(frame.bought.sum()),
            "bought_elsewhere": frame.elsewhere,
            "trees": judged.promise.booster.num_trees(),
            "customers_judged": len(np.unique(rankings.places)),
        },
        "ranking": figures,
        "ahead": ahead,
        "promise": promise,
        "importance": dict(strongest[:STRONGEST]),
    }
    return model, result, Golden(frame.values, moments.test[-1])


def track_affinity(
    name: str, result: dict[str, Any], experiment: str, folder: Path | None = None
) -> dict[str, Any]:
    """Log params, figures, a plot and the sealed folder as a run of its own; nothing is registered."""
    uri = use_experiment(experiment)
    with mlflow.start_run(run_name=name) as run:
        mlflow.log_params(
            {f"lightgbm.{key}": value for key, value in PARAMETERS.items()}
            | {key: result[key] for key in ("item", "horizon_days", "as_of")}
            | result["data"]
        )
        figure = affinity_plot(result["ranking"])
        mlflow.log_figure(figure, "plots/ranking.png")
        mpl.pyplot.close(figure)
        mlflow.log_dict(json.loads(json.dumps(result)), "figures.json")
        if folder is not None:
            mlflow.log_artifacts(str(folder), ARTIFACTS)
        log_figures(result, ("ranking", "ahead", "promise"))
    return {"tracking_uri": uri, "run_id": run.info.run_id}


def render(result: dict[str, Any]) -> list[Any]:
    data, tables = result["data"], []
    for part, by_metric in result["ranking"].items():
        rankers = list(next(iter(by_metric.values())))
        rows = [
            [ranker, *(str(each[ranker]) for each in by_metric.values()),
             str(result["ahead"][part]["ndcg_at_10"].get(ranker, ""))]
            for ranker in rankers
        ]  # fmt: skip
        tables.append(grid(f"Items: {part}", ["ranker", *by_metric, "ours ahead in NDCG"], rows))
    return [
        f"What customers buy within {result['horizon_days']} days ({result['item']}), held-out time "
        f"{result['moments']['test'][0]} to {result['moments']['test'][-1]}: {data['customers_judged']:,} "
        f"customers (95 % bootstrap intervals)",
        *tables,
        grid(
            "The promised probability",
            ["figure", "value"],
            [[k, str(v)] for k, v in result["promise"].items()],
        ),
        grid(
            "What the model leans on (share of gain)",
            ["fact", "share"],
            [[name, f"{share:.1%}"] for name, share in result["importance"].items()],
        ),
        f"Kept as {result['kept']}; no choice takes it yet (models.affinity.affinity_of asks it)",
    ]
