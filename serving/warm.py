"""Compiling ahead all that the service runs: `python -m serving.warm`, while its image is made, so that no
start waits for it. It is run for one customer of whom nothing is known, by the functions that serve."""

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from decisions.choice import choose, free_market
from decisions.circumstance import circumstances
from decisions.frozen import NOTHING_FROZEN
from decisions.policy import Policy
from decisions.standing import standing_of
from features.catalogue import FAMILIES
from features.reader import read_facts
from features.warm import warm as warm_features
from models.explainer import Explainer
from models.reason import strongest
from models.scorer import Scores
from tables.arrange import arranged
from tables.cell import TIERS, Part, dense_offsets
from tables.code import code
from tables.contract import CUSTOMER_TABLES, TABLES
from tables.history import Bucket, History, Int64s, nobody, themselves
from tables.offer import Offer
from tables.record import STORED_TYPES
from tables.timeline import Timelines, no_timelines

# Of every part one: what is compiled does not depend on how many there are.
POLICY = {
    "name": "warm",
    "margin_rate": 0.3,
    "risk_bands": [{"name": "any", "chinese": "任意", "below": 1.01}],
    "weekly_budget": 0,
    "minimum_net_value": 0,
    "holdout": {"share": 0, "salt": ""},
    "unknown_consent": "refuse",
    "measures": {"orders": {"chinese": "订单数", "unit": "orders", "formula": "orders_364d"}},
    "tiers": [
        {
            "name": "tier",
            "chinese": "等级",
            "customers": "everyone",
            "tiers": [{"name": "any", "chinese": "任意", "when": {"orders": {"at_least": 0}}}],
        }
    ],
    "behaviour": {
        "name": "behaviour",
        "chinese": "行为",
        "types": [
            {"name": name, "chinese": name, "signals": [{"measure": "orders", "direction": direction}]}
            for name, direction in (("more", "high"), ("less", "low"))
        ],
    },
    "life_cycle": {
        "states": [{"name": "new", "chinese": "新"}, {"name": "lost", "chinese": "流失"}],
        "transitions": [{"leave": ["new"], "enter": "lost", "quiet_days": 182}],
    },
    "caps": [{"name": "any", "contacts": 1, "days": 7}],
}


class Unknown:
    """One customer without a row, in a base that has every table and column."""

    timelines: Timelines = no_timelines()
    present = frozenset(
        [*TABLES, *(f"{name}.{column}" for name in TABLES for column in TABLES[name].columns)]
    )

    def ids_of(self, places: Int64s) -> npt.NDArray[np.object_]:
        return np.full(len(places), "", object)

    def parts(self, places: Int64s) -> list[tuple[Bucket, Int64s, Int64s]]:
        offsets = History(*(np.zeros((2, TIERS), np.int64) for _ in CUSTOMER_TABLES))
        return [(Bucket(nobody().rows, offsets, themselves(1)), places, places)]


def warm() -> None:
    warm_features()
    base, places, t = Unknown(), np.zeros(1, np.int64), 0
    policy = Policy.model_validate(POLICY)
    offers = (Offer("warm", "coupon", "warm", reward=0, cost=0),)
    facts = read_facts(base, places, t, FAMILIES)
    scores = Scores(np.full(1, 0.5), np.zeros(1), np.zeros((1, 1)), np.zeros((1, 1)))
    standing = standing_of(base, places, t, policy, facts, scores)
    segments = standing.segments(policy, NOTHING_FROZEN)
    who = circumstances(base, places, t, facts, standing, policy)
    choose(scores, offers, who, segments, policy, t, free_market(policy, offers))
    _find_and_add()
    _explain(facts.names)


def _find_and_add() -> None:
    """A customer by their key, the rows of a base by customer, and rows that come online."""
    key = np.zeros(1, np.uint64)
    code("warm")
    rows = np.zeros(1, STORED_TYPES["transactions"])
    dense_offsets(key, Part(key, np.ones(1, np.int32), rows))
    arranged(key, rows)


def _explain(names: tuple[str, ...]) -> None:
    """Reasons of a model of one split."""
    values = np.random.default_rng(1).random((100, len(names)))
    told = {"objective": "binary", "num_leaves": 2, "verbose": -1, "num_threads": 1}
    data = lgb.Dataset(values, (values[:, 0] > 0.5).astype(float), feature_name=list(names))
    explainer = Explainer(lgb.train(told, data, 1))
    strongest(explainer(values[:1]), names)


if __name__ == "__main__":
    warm()
