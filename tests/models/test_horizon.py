"""Horizons that never cross, learnt from what was known and judged on later time."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.reader import FactTable
from models.calibration import Calibration
from models.churn import CustomerModels, train_customer_models
from models.effect import OfferModels
from models.frame import HORIZONS, Frame, Moments, build_frame
from models.horizon import Horizons, Step, chain, learn_horizons
from models.learner import boost
from models.promise import Promise
from models.question import Question
from models.season import Season
from tables.history import Histories
from tables.moment import DAY

Base = Callable[..., Histories]
NAMES = (
    "days_since_last_order", "orders_364d", "spend_364d", "days_since_first_order", "order_lateness",
    "repeat_purchase_days", "days_from_first_to_last_purchase",
)  # fmt: skip
# Every four weeks, and a last one that only the shorter horizons know the answer of.
TIMES = tuple(k * 28 * DAY for k in range(14, 30))
TRAIN, TEST = TIMES[:11], (TIMES[14], TIMES[15])
KNOWN_BY = TEST[-1] + 91 * DAY
CUSTOMERS = 400


@pytest.fixture(scope="module")
def frame() -> Frame:
    """A customer's days until the next order are drawn from what a fact says: so each horizon is certain."""
    random = np.random.default_rng(5)
    times = np.repeat([*TRAIN, *TEST], CUSTOMERS)
    places = np.tile(np.arange(CUSTOMERS), len(times) // CUSTOMERS)
    lateness = random.normal(0, 1, len(times))
    waits = random.exponential(60 * np.exp(lateness))
    orders = random.poisson(3, len(times)) + 1.0
    known_for = random.uniform(10, 360, len(times))
    last = random.uniform(0, 10, len(times))
    past = [orders - 1, known_for - last]
    values = np.column_stack([last, orders, orders * 100, known_for, lateness, *past])
    silent = {
        days: np.where(times + days * DAY <= KNOWN_BY, (waits > days).astype(float), np.nan)
        for days in HORIZONS
    }
    facts = FactTable(places, times, NAMES, values)
    value = np.where(waits > 91, 0.0, orders * 30 * random.gamma(2, 0.5, len(times)))
    return Frame(facts, silent[91].copy(), value, places % 5 == 0, silent)


@pytest.fixture(scope="module")
def trained(frame: Frame) -> CustomerModels:
    return train_customer_models(frame, Moments(TRAIN, TEST), Question(), "UTC")


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (91, ((182, 91), (28, 91))),
        (28, ((91, 28), (182, 91))),
        (182, ((91, 182), (28, 91))),
        (7, ((28, 7), (91, 28), (182, 91))),
        (364, ((182, 364), (91, 182), (28, 91))),
    ],
)
def test_steps_lead_outwards_from_the_questions_horizon(
    own: int, expected: tuple[tuple[int, int], ...]
) -> None:
    assert chain(own, HORIZONS) == expected


def wild(seed: int, own: int) -> Horizons:
    """Steps of models and calibrations that know nothing and exaggerate."""
    random = np.random.default_rng(seed)
    steps = []
    for days, before in chain(own, HORIZONS):
        values = random.normal(size=(300, 3))
        label = (values[:, 0] + random.normal(size=300) > random.normal()).astype(float)
        label[:2] = 0, 1
        booster = boost(values, label, ("a", "b", "c"), "binary", trees=5)
        calibration = Calibration(float(random.normal(0, 30)), float(random.normal(0, 30)))
        season = Season((0, 10**15), (float(random.normal(0, 5)), float(random.normal(0, 5))))
        steps.append(Step(days, before, Promise(booster, calibration, season)))
    return Horizons(own, ("a", "b", "c"), tuple(steps))


WILD = [wild(seed, own) for seed, own in enumerate([7, 28, 91, 91, 182, 364])]
PROBABILITIES = st.one_of(
    st.floats(0, 1), st.sampled_from([0.0, 1.0, 5e-324, 1 - 2**-53, 2**-53, 0.1, 1e-17])
)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(WILD),
    st.lists(PROBABILITIES, min_size=1, max_size=8),
    st.integers(0, 2**40),
    st.integers(0, 10**6),
)
def test_horizons_never_cross_whatever_the_models_say(
    horizons: Horizons, churn: list[float], t: int, seed: int
) -> None:
    """To the bit, for any probabilities of the question's own horizon, which stands among them unchanged."""
    values = np.random.default_rng(seed).normal(0, 3, (len(churn), 3))
    told = horizons(np.array(churn), values, t)
    assert (told >= 0).all()
    assert (told <= 1).all()
    assert (np.diff(told, axis=1) <= 0).all()
    assert told[:, horizons.days.index(horizons.own)].tolist() == churn


def test_each_horizon_is_promised_as_it_comes(trained: CustomerModels, frame: Frame) -> None:
    """On moments that taught the judged models nothing, within what chance would differ by."""
    assert trained.horizons.days == (28, 182)
    assert trained.judged.horizons
    assert trained.judged.horizons.days == (28, 91, 182)
    for judged in trained.horizons.judged.values():
        assert judged.figures["auc"].low > 0.7
        chance = np.sqrt(judged.silent * (1 - judged.silent) / judged.customers)
        assert abs(judged.promised - judged.silent) < 3 * chance
    assert trained.horizons.judged[28].moment == TEST[-1]
    assert trained.horizons.judged[182].moment == TRAIN[-1]
    assert TRAIN[-1] + 182 * DAY <= KNOWN_BY < TEST[0] + 182 * DAY


def test_the_outlook_of_a_scorer_holds_its_own_churn_and_the_value(
    trained: CustomerModels, frame: Frame
) -> None:
    none = OfferModels(None, None, 0.0, "no offers")
    for scorer in (trained.scorer(none), trained.judged_scorer(none)):
        values = frame.facts.values[-50:]
        scores = scorer.score(values, NAMES, (), TEST[-1])
        told = scorer.outlook(values, NAMES, TEST[-1], scores)
        assert scorer.horizon_days == (28, 91, 182)
        assert np.array_equal(told.by_horizon[:, 1], scores.churn)
        assert (np.diff(told.by_horizon, axis=1) <= 0).all()
        assert (told.value_low <= scores.value).all()
        assert (scores.value <= told.value_high).all()
        nobody = scorer.outlook(values[:0], NAMES, TEST[-1], scorer.score(values[:0], NAMES, (), 0))
        assert [part.shape for part in nobody] == [(0, 3), (0,), (0,)]


def turned(frame: Frame, days: int, rows: npt.NDArray[np.bool_]) -> Frame:
    labels = frame.silent[days].copy()
    labels[rows] = 1 - labels[rows]
    return replace(frame, silent={**frame.silent, days: labels})


def steps(horizons: Horizons) -> dict[int, str]:
    return {step.days: step.promise.booster.model_to_string() for step in horizons.steps}


@pytest.mark.parametrize("known", [True, False])
def test_a_label_known_later_teaches_nothing(frame: Frame, known: bool) -> None:
    """The same labels teach once they are known: so this test would notice a model that had peeped."""
    by = TRAIN[-1] + 91 * DAY
    late = (frame.facts.moments + 182 * DAY > by) & ~np.isnan(frame.silent[182])
    asked_at = KNOWN_BY if known else by
    before, _ = learn_horizons(frame, 91, asked_at, HORIZONS, NAMES)
    after, _ = learn_horizons(turned(frame, 182, late), 91, asked_at, HORIZONS, NAMES)
    assert (steps(before)[182] != steps(after)[182]) == known
    assert steps(before)[28] == steps(after)[28]


def test_a_horizon_whose_answer_is_known_too_rarely_is_left_out_with_the_reason(frame: Frame) -> None:
    short = frame.at((*TRAIN[-4:], *TEST))
    found = train_customer_models(short, Moments(TRAIN[-4:], TEST), Question(), "UTC")
    assert found.horizons.days == (28,)
    assert "known at 1 moments; 3 are needed" in found.horizons.untold[182]
    for learnt in (found.judged, found.published):
        assert learnt.horizons
        assert learnt.horizons.days == (28, 91)


def test_what_hangs_on_a_horizon_that_is_left_out_is_left_out_too(frame: Frame) -> None:
    own = replace(frame, churned=frame.silent[28])
    without = replace(own, silent={**own.silent, 91: np.full(len(own), np.nan)})
    learnt, untold = learn_horizons(without, 28, KNOWN_BY, HORIZONS, NAMES)
    assert learnt.days == (28,)
    assert [each.days for each in untold] == [91, 182]
    assert untold[1].why == "the horizon of 91 days is left out"


def test_labels_of_other_horizons_are_read_at_their_own_end_and_unknown_before_it(
    base_of: Base, start: int
) -> None:
    orders = [
        {"customer_id": "ann", "at": 90 * DAY},
        {"customer_id": "ann", "at": 128 * DAY},  # the last moment of 28 days
        {"customer_id": "ben", "at": 90 * DAY},
        {"customer_id": "ben", "at": 128 * DAY + 1},
        {"customer_id": "cid", "at": 90 * DAY},
        {"customer_id": "cid", "at": 120 * DAY, "known_at": 150 * DAY},
    ]
    first, last = start + 100 * DAY, start + 191 * DAY
    histories = base_of(transactions=orders)
    frame = build_frame(histories, Question(), Moments((first,), (last,)), margin_rate=0.3)
    then = frame.at((first,))
    order = [then.facts.places.tolist().index(place) for place in histories.places(["ann", "ben", "cid"])]
    assert then.silent[28][order].tolist() == [0.0, 1.0, 1.0]
    assert then.silent[91].tolist() == then.silent[182].tolist() == [0.0, 0.0, 0.0]
    assert frame.at((last,)).silent[91].tolist() == [1.0, 1.0, 1.0]
    assert np.isnan(frame.at((last,)).silent[182]).all()
