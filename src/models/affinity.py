"""What a customer will buy next: candidates, then a LightGBM ranker whose promise is a probability.

An item is a category or a product. Asked as of t of the customers who bought within the year before: which
items will they buy in (t, t + 28 days]? The model is one of pairs (customer, item), taught at many past
moments, each as it was known then; probabilities are calibrated on customers left out, and moved by how far
off they were at the same season a year ago. Who the customer is
(age, gender, region) is no fact of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.reader import Progress
from models.assortment import YEAR, Assortment, assortment_of
from models.calibration import fit_calibration
from models.candidate import ALL_ITEMS, NAMES, NEXT_TO_OWN, OWN, POPULAR, Block, blocks_of
from models.frame import Moments, training_moments
from models.learner import boost, fit
from models.promise import Promise
from models.purchase import Purchases, check_item, read_purchases
from models.question import Question
from models.season import season_of_probability
from tables.code import codes, lots_of
from tables.history import Histories
from tables.memory import at_once
from tables.moment import DAY, from_micros
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
HORIZON_DAYS = 28
# More pairs than this teach nothing that would be noticed, and more customers tell nothing new of the items.
MOST_PAIRS, LEAST_PAIRS, PAIR_BYTES = 800_000, 20_000, 1_000
MOST_CUSTOMERS, LEAST_CUSTOMERS, CUSTOMER_BYTES = 200_000, 5_000, 20_000
LEAST_BOUGHT = 50
# Shallow as all trees here; of few columns, most of which matter, each tree sees half.
PARAMETERS: dict[str, Any] = {
    "learning_rate": 0.05,
    "num_leaves": 31,
    "feature_fraction": 0.5,
    "min_data_in_leaf": 200,
    "lambda_l2": 20.0,
}


@dataclass(frozen=True)
class Affinity:
    """field: what an item is (models.purchase); promise: the probability of a candidate; elsewhere: that of a
    pair that is none, one for all of them."""

    field: str
    promise: Promise
    elsewhere: float

    def __post_init__(self) -> None:
        # LightGBM does not check the order of columns.
        if tuple(self.promise.booster.feature_name()) != NAMES:
            raise Refused("the affinity model was trained on other facts than this version reads")

    def __call__(self, block: Block, among: Int64s | None = None) -> Floats:
        """Probability that each customer of the block buys each item (or those at `among`) within
        HORIZON_DAYS; shape (customers, items)."""
        asked = np.zeros(len(block.assortment), dtype=bool)
        asked[slice(None) if among is None else among] = True
        chosen = block.candidate & asked
        told = np.full(chosen.shape, self.elsewhere)
        if chosen.any():
            told[chosen] = self.promise(block.values(chosen), block.assortment.at)
        return told if among is None else told[:, among]


@dataclass(frozen=True)
class AffinityFrame:
    """Candidate pairs at past moments, beside whether they were bought; shape (pairs,).

    values: NAMES; others: moment -> how many pairs were no candidates, and how many of these were bought.
    """

    values: Floats
    bought: Floats
    places: Int64s
    moments: Int64s
    others: dict[int, tuple[int, int]]

    def before(self, moment: int) -> "AffinityFrame":
        rows = self.moments < moment
        others = {t: counts for t, counts in self.others.items() if t < moment}
        return AffinityFrame(
            self.values[rows], self.bought[rows], self.places[rows], self.moments[rows], others
        )

    @property
    def elsewhere(self) -> float:
        """How often a pair that is no candidate was bought."""
        pairs, bought = (sum(each) for each in zip(*self.others.values(), strict=True))
        return bought / pairs if pairs else 0.0


@dataclass(frozen=True)
class Known:
    """What is known at a moment: what customers bought in two years, which of them are asked about (`base`,
    ascending: who bought within the year), and the items."""

    purchases: Purchases
    base: Int64s
    assortment: Assortment


def affinity_moments(histories: Histories, as_of: int, *, test_months: int = 3) -> Moments:
    """Four weeks apart; training ends a whole horizon before the first test moment."""
    found = training_moments(histories, Question(horizon_days=HORIZON_DAYS), as_of, test_months=test_months)
    return Moments(tuple(found.train[::-2][::-1]), found.test)


def known_at(histories: Histories, t: int, field: str) -> Known:
    """Of everybody, or where there are more than MOST_CUSTOMERS, of so many drawn by lot."""
    check_item(histories, field)
    everybody = np.arange(len(histories), dtype=np.int64)
    most = at_once(CUSTOMER_BYTES, MOST_CUSTOMERS, "the customers' purchases", least=LEAST_CUSTOMERS)
    if len(everybody) > most:
        everybody = everybody[lots_of(histories.ids, "affinity") < most / len(everybody)]
    purchases = read_purchases(histories, everybody, t, field)
    return Known(purchases, np.unique(purchases.within(t, YEAR).place), assortment_of(purchases, t))


def bought_after(histories: Histories, places: Int64s, t: int, field: str) -> Purchases:
    """The label: what was bought in (t, t + HORIZON_DAYS], as known at its end."""
    return read_purchases(histories, places, t + HORIZON_DAYS * DAY, field, days=HORIZON_DAYS)


def was_bought(block: Block, later: Purchases) -> Flags:
    """Which pairs of the block are among the later purchases; shape (customers, items)."""
    item = block.assortment.place_of(later.item)
    row = np.minimum(np.searchsorted(block.places, later.place), len(block.places) - 1)
    there = (item >= 0) & (block.places[row] == later.place)
    bought = np.zeros(block.candidate.shape, dtype=bool)
    bought[row[there], item[there]] = True
    return bought


def build_affinity_frame(
    histories: Histories, moments: Sequence[int], field: str, *, progress: Progress | None = None
) -> AffinityFrame:
    """Candidates and labels at each moment. Raises Refused when nobody bought anything there."""
    most = at_once(PAIR_BYTES, MOST_PAIRS, "the pairs to learn from", least=LEAST_PAIRS)
    lots = lots_of(histories.ids, "affinity sample")
    parts: list[tuple[Floats, Floats, Int64s, Int64s]] = []
    others: dict[int, tuple[int, int]] = {}
    for k, t in enumerate(moments):
        known = known_at(histories, t, field)
        items = len(known.assortment)
        each = items if items <= ALL_ITEMS else min(items, OWN + NEXT_TO_OWN + POPULAR)
        share = most / len(moments) / max(each * len(known.base), 1)
        # Others at each moment: a new customer teaches more than one seen again.
        asked = known.base[(lots[known.base] + k * share) % 1.0 < share]
        later = bought_after(histories, asked, t, field)
        for block in blocks_of(known.purchases, asked, known.assortment) if items else ():
            bought = was_bought(block, later)
            row = np.nonzero(block.candidate)[0]
            label = bought[block.candidate].astype(np.float64)
            parts.append((block.values(block.candidate), label, block.places[row], np.full(len(row), t)))
            pairs, came = others.get(t, (0, 0))
            others[t] = (
                pairs + int((~block.candidate).sum()), came + int((bought & ~block.candidate).sum())
            )  # fmt: skip
        if progress:
            progress(k + 1, len(moments))
    if not parts:
        when = ", ".join(f"{from_micros(t):%Y-%m-%d}" for t in moments)
        raise Refused(
            f"nobody bought any {field} within {YEAR} days before {when} that others bought too: there is "
            "nothing to learn from"
        )
    values, labels, owners, times = (np.concatenate(each) for each in zip(*parts, strict=True))
    return AffinityFrame(values, labels, owners, times, others)


def learn_affinity(
    frame: AffinityFrame, field: str, *, trees: int | None = None, progress: Progress | None = None
) -> Affinity:
    """Calibrated on customers left out. Raises Refused when too few pairs were bought, or too few not."""
    came = int(frame.bought.sum())
    if min(came, len(frame.bought) - came) < LEAST_BOUGHT:
        raise Refused(
            f"{came:,} of {len(frame.bought):,} pairs of customer and {field} were bought within "
            f"{HORIZON_DAYS} days; to learn the difference at least {LEAST_BOUGHT} must be, and as many not: "
            "choose an --as-of with more history"
        )
    fitted = fit(
        frame.values, frame.bought, frame.places, NAMES, "binary",
        parameters=PARAMETERS, trees=trees, progress=progress,
    )  # fmt: skip
    calibration = fit_calibration(fitted.out_of_fold, frame.bought)
    season = season_of_probability(calibration(fitted.out_of_fold), frame.bought, frame.moments)
    return Affinity(field, Promise(fitted.booster, calibration, season), frame.elsewhere)


def relearn_affinity(frame: AffinityFrame, judged: Affinity) -> Affinity:
    """The judged model's recipe on all moments, those it was judged on among them."""
    booster = boost(
        frame.values, frame.bought, NAMES, "binary",
        trees=judged.promise.booster.num_trees(), parameters=PARAMETERS,
    )  # fmt: skip
    return Affinity(judged.field, judged.promise._replace(booster=booster), frame.elsewhere)


def affinity_of(
    model: Affinity,
    histories: Histories,
    places: Int64s,
    t: int,
    items: Sequence[str],
    *,
    assortment: Assortment | None = None,
) -> Floats:
    """Probability that customers as of t buy each of the items (categories, say, an offer is limited to)
    within HORIZON_DAYS; shape (customers, items).

    nan for items that are not in the assortment: too few bought them for the past to tell. Customers who
    bought nothing for a year are beyond what was taught, and get nan too. assortment: as of t, where it is
    at hand.
    """
    found = known_at(histories, t, model.field).assortment if assortment is None else assortment
    if found.at != t:
        raise Refused(f"the assortment is as of {from_micros(found.at)}, and {from_micros(t)} is asked about")
    column = found.place_of(codes(pa.array(items, pa.string())))
    told = np.full((len(places), len(items)), np.nan)
    customers, back = np.unique(places, return_inverse=True)
    purchases = read_purchases(histories, customers, t, model.field)
    base = np.unique(purchases.within(t, YEAR).place)
    known = np.flatnonzero(column >= 0)
    if not len(base) or not len(known):
        return told
    among = column[known]
    answers = np.full((len(customers), len(known)), np.nan)
    for block in blocks_of(purchases, base, found):
        answers[np.searchsorted(customers, block.places)] = model(block, among)
    told[:, known] = answers[back]
    return told
