"""A week's facts and scores of everybody take at most twice the floor: reading, predicting, writing.

The floor is reading every byte of the histories, bare `predict` of the churn and the value model on facts
that lie ready, and writing the two scores of everybody; ours does it from the histories, bucket by bucket.
Reasons and offers come on top and are given as customers a second. Everything runs in this process, in turns;
the scores of both are compared. The last line of the output is one JSON object.
"""

import argparse
import json
import platform
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.increment import NOW, write_incoming
from features.reader import names_of, read_facts
from models.contact import CONTACT_NAMES, offer_facts, own_facts, terms_of
from models.explainer import Explainer
from models.reason import Money, strongest, texts
from tables.checking import check_tables
from tables.contract import CUSTOMER_TABLES
from tables.history import Histories, read_histories
from tables.offer import Offer
from tables.sorting import write_histories

TREES, DEPTH = 300, 6
AT_ONCE = 16_384
TAUGHT = 20_000
SAMPLED = 50_000
OFFER_TREES = 120
GOAL = 2.0
Floats = npt.NDArray[np.float64]


def seconds(run: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    answer = run()
    return time.perf_counter() - begun, answer


def made_model(values: Floats, objective: str, trees: int = TREES) -> lgb.Booster:
    """A model of the stated size on facts as they are, whose labels follow them loosely."""
    random = np.random.default_rng(7)
    signal = np.nan_to_num(values[:, random.integers(0, values.shape[1], 20)]).argsort(0).argsort(0).mean(1)
    label = signal + random.normal(0, signal.std(), len(values)) > np.median(signal)
    settings = {"objective": objective, "max_depth": DEPTH, "num_leaves": 2**DEPTH, "min_data_in_leaf": 20}
    data = lgb.Dataset(values, label.astype(float))
    return lgb.train(settings | {"verbosity": -1, "num_threads": 2}, data, trees)


def predict(models: list[lgb.Booster], values: Floats) -> list[Floats]:
    return [np.asarray(model.predict(values)) for model in models]


def everybody(histories: Histories) -> list[npt.NDArray[np.int64]]:
    """Places in batches that do not cross buckets."""
    return [
        np.arange(start, min(start + AT_ONCE, end))
        for begin, end in pairwise(histories.buckets.tolist())
        for start in range(begin, end, AT_ONCE)
    ]


def read_bytes_of(histories: Histories) -> int:
    """Every byte of the rows, once."""
    total = 0
    for number in range(len(histories.buckets) - 1):
        bucket = histories.bucket(number)
        for name in CUSTOMER_TABLES:
            for rows in getattr(bucket.rows, name):
                total += int(rows.view(np.uint8).view(np.int64).sum()) & 1
    return total


def write_scores(path: Path, batches: Any) -> None:
    schema = pa.schema([("customer_id", pa.string()), ("churn", pa.float64()), ("value", pa.float64())])
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        for ids, churn, value in batches:
            writer.write_table(pa.table([pa.array(ids, pa.string()), churn, value], schema=schema))


def the_week(histories: Histories, models: list[lgb.Booster], path: Path) -> dict[str, float]:
    """From histories to written scores; the seconds of each stage."""
    spent = {"facts": 0.0, "predict": 0.0, "write": 0.0}

    def batches() -> Any:
        for places in everybody(histories):
            took, facts = seconds(partial(read_facts, histories, places, histories.last_at))
            spent["facts"] += took
            took, scores = seconds(partial(predict, models, facts.values))
            spent["predict"] += took
            yield histories.ids[places], *scores

    whole, _ = seconds(lambda: write_scores(path, batches()))
    return spent | {"write": whole - spent["facts"] - spent["predict"], "whole": whole}


def the_floor(histories: Histories, models: list[lgb.Booster], path: Path) -> dict[str, float]:
    """The same without reading facts: they lie ready, those of one batch again and again."""
    reading, _ = seconds(lambda: read_bytes_of(histories))
    batches = everybody(histories)
    ready = read_facts(histories, batches[0], histories.last_at).values
    predicting = 0.0
    for places in batches:
        values = ready[np.arange(len(places)) % len(ready)]
        predicting += seconds(partial(predict, models, values))[0]
    scores = np.random.default_rng(1).random(len(histories))
    rows = ((histories.ids[p], pa.array(scores[p]), pa.array(scores[p])) for p in batches)
    writing, _ = seconds(lambda: write_scores(path, rows))
    return {"read": reading, "predict": predicting, "write": writing, "whole": reading + predicting + writing}


def on_top(histories: Histories, churn: lgb.Booster) -> dict[str, float]:
    """Customers a second for reasons in words, and offers a second for an offer's effect."""
    places = np.arange(min(SAMPLED, len(histories)))
    facts = read_facts(histories, places, histories.last_at)
    explain = Explainer(churn)
    explain(facts.values[:100])

    def reasons() -> None:
        words = strongest(explain(facts.values), facts.names)
        texts(words, facts.values, facts.names, Money("CNY", 100))

    offer = Offer("made", "coupon", "made", 1_000, 1_000)

    def of_offer() -> Floats:
        own = own_facts(facts.values, facts.names)
        return np.column_stack([own, offer_facts(own, terms_of([offer]))[:, 0]])

    model = made_model(of_offer()[:TAUGHT], "binary", OFFER_TREES)
    assert len(CONTACT_NAMES) == model.num_feature()
    offers, _ = seconds(lambda: [model.predict(of_offer()) for _ in range(2)])
    return {
        "reasons, customers a second": len(places) / seconds(reasons)[0],
        "an offer's two models, customers a second": len(places) / offers,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=2, help="turns of ours and the floor; the best counts")
    parser.add_argument("--folder", type=Path, help="where the made base goes; by default a passing folder")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="weekly-", dir=options.folder))
    try:
        result = measure(folder, options.customers, options.rounds)
    finally:
        shutil.rmtree(folder)
    print(json.dumps(result))


def measure(folder: Path, customers: int, rounds: int) -> dict[str, Any]:
    write_incoming(folder / "incoming", customers)
    check_tables(folder / "incoming" / "whole", folder / "tables", folder / "refused", now=NOW)
    shutil.rmtree(folder / "incoming")
    write_histories(folder / "tables", folder / "histories")
    histories = read_histories(folder / "histories")
    some = np.linspace(0, len(histories) - 1, min(TAUGHT, len(histories))).astype(np.int64)
    taught = read_facts(histories, some, histories.last_at).values
    models = [made_model(taught, "binary"), made_model(taught, "regression")]
    ours, floor = [], []
    for _ in range(rounds):
        ours.append(the_week(histories, models, folder / "scores.parquet"))
        floor.append(the_floor(histories, models, folder / "floor.parquet"))
    best, least = (min(each, key=lambda run: run["whole"]) for each in (ours, floor))
    same = _as_predicted(folder / "scores.parquet", histories, models)
    ratio = best["whole"] / least["whole"]
    shares = {stage: took / best["whole"] for stage, took in best.items() if stage != "whole"}
    print(f"{len(histories):,} customers in {best['whole']:.1f} s, floor {least['whole']:.1f} s; {shares}")
    return {
        "claim": (__doc__ or "").splitlines()[0],
        "size": {"customers": len(histories), "facts": len(names_of()), "trees": TREES, "depth": DEPTH},
        "ours": best,
        "peers": {"floor": least},
        "ratio": ratio,
        "shares": shares,
        "on_top": on_top(histories, models[0]),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": {"python": platform.python_version(), "lightgbm": lgb.__version__},
        "holds": same and ratio <= GOAL,
    }


def _as_predicted(path: Path, histories: Histories, models: list[lgb.Booster]) -> bool:
    """Whether the written scores of the last customers are those of their facts."""
    places = np.arange(max(0, len(histories) - 1_000), len(histories))
    values = read_facts(histories, places, histories.last_at).values
    rows = pq.read_table(path).slice(int(places[0]))
    return all(
        np.array_equal(rows[name].to_numpy(), np.asarray(model.predict(values)))
        for name, model in zip(("churn", "value"), models, strict=True)
    )


if __name__ == "__main__":
    main()
