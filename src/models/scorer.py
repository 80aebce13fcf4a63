"""Published models at work: facts in, scores out; the same for one customer and for millions."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.reader import column_of
from models.calibration import Calibration
from models.contact import CONTACT_NAMES, EFFECT_FACTS, OFFER_TERMS, own_facts, terms_of
from models.effect import OfferModels, predict_offers
from models.explainer import Explainer
from models.horizon import Horizons
from models.promise import Promise
from models.season import Season
from models.topic import PROCESS_FACT
from models.value_range import ValueRange
from tables.offer import Offer
from tables.once import once
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]


class Scores(NamedTuple):
    """churn: probability; value: minor units over the horizon; shape (customers,). response: probability of
    taking the offer up; uplift: minor units that contacting adds before the offer's cost; shape
    (customers, offers), nan where the past does not tell."""

    churn: Floats
    value: Floats
    response: Floats
    uplift: Floats


class Outlook(NamedTuple):
    """What else is foretold, and no choice looks at. by_horizon: probability to stay silent through each of
    the scorer's horizons, shape (customers, horizons), never rising with the horizon; value_low, value_high:
    minor units, what four customers in five stay within (models.value_range), shape (customers,), nan where
    a bundle has no range."""

    by_horizon: Floats
    value_low: Floats
    value_high: Floats


@dataclass(frozen=True)
class Scorer:
    """The models of a bundle. `names` are the customer facts in the order the models know them; horizons:
    None where the question knows one horizon only."""

    names: tuple[str, ...]
    churn: lgb.Booster
    calibration: Calibration
    season: Season
    value: lgb.Booster
    value_season: Season
    offer: OfferModels
    horizons: Horizons | None = None
    value_range: ValueRange | None = None

    def __post_init__(self) -> None:
        # LightGBM does not check the order of columns.
        steps = self.horizons.steps if self.horizons else ()
        foretold = self.horizons.names if self.horizons else ()
        for booster, names in (
            (self.churn, self.names),
            (self.value, self.names),
            (self.offer.response, CONTACT_NAMES),
            *((step.promise.booster, foretold) for step in steps),
        ):
            if booster is not None and tuple(booster.feature_name()) != names:
                raise Refused("a model of the bundle was trained on other facts than the bundle names")
        effect = self.offer.uplift
        if effect is not None and (effect.names, effect.offer_names) != (EFFECT_FACTS, OFFER_TERMS):
            raise Refused("the offer model of the bundle was trained on other facts than this version reads")

    def score(self, values: Floats, names: tuple[str, ...], offers: tuple[Offer, ...], t: int) -> Scores:
        """Scores as of t (microseconds). values: facts, shape (customers, facts), in columns named by
        `names`, which must hold all of ours."""
        mine = self.columns(values, names)
        own = own_facts(mine, self.names) if self.offer.response is not None else mine[:, :0]
        response, uplift = predict_offers(self.offer, own, _terms(offers))
        return Scores(
            churn=self.promise(mine, t),
            value=self.value_season.of_money(np.asarray(self.value.predict(mine)), t),
            response=response,
            uplift=uplift,
        )

    @property
    def promise(self) -> Promise:
        """The churn probability's parts."""
        return Promise(self.churn, self.calibration, self.season)

    def churn_of(self, values: Floats, names: tuple[str, ...], t: npt.NDArray[np.int64] | int) -> Floats:
        """The churn probability alone, as `score` gives it; t: one moment, or one a row."""
        return self.promise(self.columns(values, names), t)

    @property
    def horizon_days(self) -> tuple[int, ...]:
        """The horizons of `outlook`, rising; none where the question knows one only."""
        return self.horizons.days if self.horizons else ()

    def outlook(self, values: Floats, names: tuple[str, ...], t: int, scores: Scores) -> Outlook:
        """As of t, of customers with these facts and scores."""
        by_horizon = np.empty((len(values), 0))
        if self.horizons:
            mine = _columns(values, names, self.horizons.names)
            by_horizon = self.horizons(scores.churn, mine, t)
        if self.value_range is None:
            nothing = np.full(len(values), np.nan)
            return Outlook(by_horizon, nothing, nothing)
        return Outlook(by_horizon, *self.value_range(scores.value))

    def contributions(self, values: Floats, names: tuple[str, ...]) -> Floats:
        """Exact SHAP values of the churn log-odds before calibration; shape (customers, facts), columns as in
        self.names. What a purchase process says stands with the fact that is its topic's."""
        mine = self.columns(values, names)
        told = self.explainer(mine)
        if self.calibration.share:
            told[:, self.names.index(PROCESS_FACT)] += self.calibration.beside_trees(mine, self.names)
        return told

    @cached_property
    def explainer(self) -> Explainer:
        """Made once: its tables cost as much as the reasons of thousands of customers."""
        return Explainer(self.churn)

    def columns(self, values: Floats, names: tuple[str, ...]) -> Floats:
        return _columns(values, names, self.names)


def _columns(values: Floats, names: tuple[str, ...], wanted: tuple[str, ...]) -> Floats:
    places = _places(names, wanted)
    return values if places is None else np.take(values, places, axis=1)


@once
def _places(names: tuple[str, ...], wanted: tuple[str, ...]) -> npt.NDArray[np.int64] | None:
    """Of what is wanted among the names; None where they are the same."""
    if names == wanted:
        return None
    try:
        return np.array([column_of(names)[name] for name in wanted], np.int64)
    except KeyError as error:
        raise Refused(
            f"the bundle's models need a fact that this version does not read: {error}; "
            "train and promote a new one"
        ) from error


@once
def _terms(offers: tuple[Offer, ...]) -> Floats:
    return terms_of(offers)
