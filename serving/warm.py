"""Compiling ahead all that the service runs: `python -m serving.warm`, while its image is made, so that no
start waits for it. It is run for a customer or two, by the functions that serve."""

from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from decisions.choice import choose, free_market
from decisions.circumstance import circumstances
from decisions.frozen import NOTHING_FROZEN
from decisions.policy import Policy
from decisions.standing import standing_of
from features.catalogue import FAMILIES
from features.reader import names_of, read_facts, visible_rows
from features.warm import warm as warm_features
from models.basis import KNOTS, Basis
from models.contact import EFFECT_FACTS, OFFER_TERMS, offer_facts, own_facts
from models.explainer import Explainer
from models.reason import strongest
from models.scorer import Scores
from models.shared_effect import SharedEffect
from tables.arrange import arranged
from tables.cell import TIERS, Part, dense_offsets
from tables.code import find, keys_of
from tables.contract import CUSTOMER_TABLES, TABLES
from tables.gather import PARTS, SIZES, Cells, gather
from tables.history import Bucket, History, Int64s, nobody, themselves
from tables.moment import DAY
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


class Base:
    """One customer after the other, each with so many rows in every table, in a base that has every table and
    column. What a loop takes is of another kind where there are two rows: their columns lie apart."""

    timelines: Timelines = no_timelines()
    present = frozenset(TABLES) | {f"{name}.{column}" for name in TABLES for column in TABLES[name].columns}

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def ids_of(self, places: Int64s) -> npt.NDArray[np.object_]:
        return np.full(len(places), "", object)

    def parts(self, places: Int64s) -> list[tuple[Bucket, Int64s, Int64s]]:
        customers = len(places)
        tables, offsets = [], []
        for empty in nobody().rows[: len(CUSTOMER_TABLES)]:
            rows = np.zeros(customers * self._rows, empty[0].dtype)
            rows["event_id"] = np.arange(len(rows))
            tables.append((_mapped(rows), *empty[1:]))
            begins = np.zeros((customers + 1, TIERS), np.int64)
            begins[:, 0] = self._rows * np.arange(customers + 1)
            offsets.append(begins)
        bucket = Bucket(History(*tables), History(*offsets), themselves(customers))
        return [(bucket, np.arange(customers), np.arange(customers))]


def warm() -> None:
    warm_features()
    for customers, rows in ((1, 0), (1, 2), (2, 2)):
        _decide(Base(rows), np.arange(customers))
        _score(customers)
    _find_and_add()


def _decide(base: Base, places: Int64s) -> None:
    policy, t, customers = Policy.model_validate(POLICY), DAY, len(places)
    offers = tuple(Offer(f"warm-{k}", "coupon", "warm", reward=0, cost=0) for k in range(2))
    facts = read_facts(base, places, t, FAMILIES)
    nothing = np.zeros((customers, len(offers)))
    scores = Scores(np.full(customers, 0.5), np.zeros(customers), nothing, nothing)
    for name in CUSTOMER_TABLES:
        visible_rows(base, name, t, places)
    standing = standing_of(base, places, t, policy, facts, scores)
    segments = standing.segments(policy, NOTHING_FROZEN)
    who = circumstances(base, places, t, facts, standing, policy)
    choose(scores, offers, who, segments, policy, t, free_market(policy, offers))


def _score(customers: int) -> None:
    """Reasons of a model of one split, and the shared effect of two offers, without a fact."""
    names = names_of()
    values = np.random.default_rng(1).random((100, len(names)))
    told = {"objective": "binary", "num_leaves": 2, "verbose": -1, "num_threads": 1}
    data = lgb.Dataset(values, (values[:, 0] > 0.5).astype(float), feature_name=list(names))
    explainer = Explainer(lgb.train(told, data, 1))
    strongest(explainer(values[:customers]), names)

    own, terms = own_facts(values[:customers], names), np.zeros((2, len(OFFER_TERMS)))
    offer_facts(own, terms)
    knots = np.zeros((len(EFFECT_FACTS), KNOTS))
    basis = Basis(knots, knots, (0,))
    by_term = np.zeros((len(OFFER_TERMS), basis.width))
    effect = SharedEffect(
        names=EFFECT_FACTS,
        offer_names=OFFER_TERMS,
        basis=basis,
        centre=np.zeros(len(OFFER_TERMS)),
        scale=np.ones(len(OFFER_TERMS)),
        common=by_term[0],
        by_term=by_term,
        own_terms=terms[:0],
        own=by_term[:0],
    )
    effect.predict(own, terms)


def _find_and_add() -> None:
    """A customer by their id, the rows of a base by customer, and rows that come online."""
    ids = pa.array(["warm"])
    keys = keys_of(ids)
    find(ids, keys, ["warm"])
    rows = np.zeros(2, STORED_TYPES["transactions"])
    for each in (keys, _mapped(keys)):
        dense_offsets(each, Part(_mapped(keys), _mapped(np.ones(1, np.int32)), rows))
    each_part = (_mapped(keys), _mapped(np.ones(1, np.int32)), _mapped(np.zeros(int(SIZES.max()), np.uint8)))
    cells = Cells(*((array,) * PARTS for array in each_part))
    gather(keys, [(cells, np.zeros(1, np.int64))])
    arranged(np.zeros(2, np.uint64), rows)


def _mapped(array: Any) -> Any:
    """Read-only, as what is mapped is."""
    found = array.copy()
    found.flags.writeable = False
    return found


if __name__ == "__main__":
    warm()
