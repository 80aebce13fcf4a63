"""The peers of the churn benchmark: other makes of boosted trees on RFM, LightGBM on featuretools' facts.

Each takes the same rows as ours and gives probabilities for the rows judged. All stop early on one customer
in five of the training rows, so that none of them is over- or underfitted by a guess of ours.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from benchmarks.churn_set import ChurnSet
from models.frame import Frame
from tables.moment import DAY

Floats = npt.NDArray[np.float64]
RFM = (
    "days_since_last_order",
    "days_since_first_order",
    "orders_364d",
    "orders_ever",
    "spend_364d",
    "spend_ever",
)
ROUNDS, PATIENCE, RATE = 1000, 30, 0.05
# featuretools goes through the data once a moment, and once a window.
WINDOWS = (None, "91 days")
LEAST_APART = 28 * DAY
PRIMITIVES = (
    "count",
    "sum",
    "mean",
    "std",
    "max",
    "min",
    "num_unique",
    "time_since_last",
    "time_since_first",
)
TABLES = {
    "transactions": ("quantity", "amount", "order_id", "product_id"),
    "interactions": ("kind",),
    "contacts": ("kind",),
    "responses": ("kind",),
}


def rfm_of(frame: Frame) -> Floats:
    return np.column_stack([frame.facts.column(name) for name in RFM])


def held_back(frame: Frame) -> npt.NDArray[np.bool_]:
    """One customer in five, on whom a peer stops early."""
    return np.random.default_rng(5).uniform(size=int(frame.facts.places.max()) + 1)[frame.facts.places] < 0.2


def xgboost_on_rfm(them: ChurnSet, threads: int) -> Floats:
    import xgboost  # noqa: PLC0415

    train, rest = rfm_of(them.train), held_back(them.train)
    model = xgboost.XGBClassifier(
        n_estimators=ROUNDS, learning_rate=RATE, max_depth=4, subsample=0.8, early_stopping_rounds=PATIENCE,
        eval_metric="logloss", n_jobs=threads, random_state=1,
    )  # fmt: skip
    model.fit(
        train[~rest],
        them.train.churned[~rest],
        eval_set=[(train[rest], them.train.churned[rest])],
        verbose=False,
    )
    return np.asarray(model.predict_proba(rfm_of(them.test))[:, 1], np.float64)


def catboost_on_rfm(them: ChurnSet, threads: int) -> Floats:
    import catboost  # noqa: PLC0415

    train, rest = rfm_of(them.train), held_back(them.train)
    model = catboost.CatBoostClassifier(
        iterations=ROUNDS, learning_rate=RATE, early_stopping_rounds=PATIENCE, verbose=False,
        thread_count=threads, random_seed=1, allow_writing_files=False,
    )  # fmt: skip
    model.fit(train[~rest], them.train.churned[~rest], eval_set=(train[rest], them.train.churned[rest]))
    return np.asarray(model.predict_proba(rfm_of(them.test))[:, 1], np.float64)


def lightgbm_on_featuretools(them: ChurnSet, threads: int) -> Floats:
    """On the training moments that are at least four weeks apart, the latest first."""
    chosen: list[int] = []
    for t in sorted(np.unique(them.train.facts.moments).tolist(), reverse=True):
        if not chosen or chosen[-1] - t >= LEAST_APART:
            chosen.append(t)
    train = them.train.rows(np.isin(them.train.facts.moments, chosen))
    told = features_of(them, np.r_[train.facts.places, them.test.facts.places],
                       np.r_[train.facts.moments, them.test.facts.moments])  # fmt: skip
    return boosted(told[: len(train)], train, told[len(train) :], threads)


def boosted(values: Floats, train: Frame, wanted: Floats, threads: int) -> Floats:
    """LightGBM with its own defaults and early stopping."""
    import lightgbm as lgb  # noqa: PLC0415

    rest = held_back(train)
    settings = {
        "objective": "binary", "learning_rate": RATE, "num_threads": threads, "verbosity": -1, "seed": 1
    }  # fmt: skip
    data = lgb.Dataset(values[~rest], train.churned[~rest])
    stop = [lgb.early_stopping(PATIENCE, verbose=False)]
    valid = lgb.Dataset(values[rest], train.churned[rest], reference=data)
    return np.asarray(lgb.train(settings, data, ROUNDS, valid_sets=[valid], callbacks=stop).predict(wanted))


def features_of(them: ChurnSet, places: npt.NDArray[np.int64], moments: npt.NDArray[np.int64]) -> Floats:
    """Deep feature synthesis over the checked tables, as of each row's moment; shape (rows, features)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs
        import featuretools as ft  # noqa: PLC0415

        at = pd.to_datetime(moments, unit="us").astype("datetime64[ns]")
        asked = pd.DataFrame({"customer_id": places, "time": at})
        entities = _entities(ft, them, np.unique(places))
        parts = []
        for window in WINDOWS:
            told, _ = ft.dfs(
                entityset=entities, target_dataframe_name="customers", cutoff_time=asked,
                agg_primitives=list(PRIMITIVES), trans_primitives=[], training_window=window,
                max_depth=1, cutoff_time_in_index=True, n_jobs=1, verbose=False,
            )  # fmt: skip
            # They come in order of time.
            key = pd.MultiIndex.from_frame(asked)
            parts.append(told.reindex(key).select_dtypes("number").to_numpy(np.float64, na_value=np.nan))
    return np.column_stack(parts)


def _entities(ft: Any, them: ChurnSet, customers: Any) -> Any:
    entities = ft.EntitySet("base")
    entities.add_dataframe(
        dataframe_name="customers", dataframe=pd.DataFrame({"customer_id": customers}), index="customer_id"
    )
    for table, wanted in TABLES.items():
        path = them.tables / f"{table}.parquet"
        if not path.exists():
            continue
        there = [name for name in wanted if name in pq.read_schema(path).names]
        rows = pq.read_table(path, columns=["event_id", "customer_id", "at", "known_at", *there]).to_pandas()
        # It takes texts of digits for numbers: places are numbers to begin with.
        rows["customer_id"] = them.histories.find(rows["customer_id"].to_numpy())
        rows = rows[rows["customer_id"].isin(customers)].drop_duplicates("event_id")
        # It has one time a row: that at which the row was known.
        known = rows.pop("known_at").fillna(rows["at"])
        rows["time"] = np.maximum(rows.pop("at"), known).dt.tz_convert(None).astype("datetime64[ns]")
        kinds = dict.fromkeys([each for each in there if rows[each].dtype == object], "Categorical")
        entities.add_dataframe(
            dataframe_name=table, dataframe=rows, index="event_id", time_index="time", logical_types=kinds
        )
        entities.add_relationship("customers", "customer_id", table, "customer_id")
    return entities


PEERS: dict[str, Callable[[ChurnSet, int], Floats]] = {
    "xgboost_rfm": xgboost_on_rfm,
    "catboost_rfm": catboost_on_rfm,
    "lightgbm_featuretools": lightgbm_on_featuretools,
}
