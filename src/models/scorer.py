"""Published models at work: facts in, scores out; the same for one customer and for millions."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from models.calibration import Calibration
from models.contact import CONTACT_NAMES, EFFECT_FACTS, OFFER_TERMS, own_facts, terms_of
from models.effect import OfferModels, predict_offers
from models.explainer import Explainer
from models.season import Season
from tables.offer import Offer
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


@dataclass(frozen=True)
class Scorer:
    """The models of a bundle. `names` are the customer facts in the order the models know them."""

    names: tuple[str, ...]
    churn: lgb.Booster
    calibration: Calibration
    season: Season
    value: lgb.Booster
    value_season: Season
    offer: OfferModels

    def __post_init__(self) -> None:
        # LightGBM does not check the order of columns.
        for booster, names in (
            (self.churn, self.names),
            (self.value, self.names),
            (self.offer.response, CONTACT_NAMES),
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
        response, uplift = predict_offers(self.offer, own, terms_of(offers))
        return Scores(
            churn=self.season.of_probability(self.calibration(np.asarray(self.churn.predict(mine))), t),
            value=self.value_season.of_money(np.asarray(self.value.predict(mine)), t),
            response=response,
            uplift=uplift,
        )

    def contributions(self, values: Floats, names: tuple[str, ...]) -> Floats:
        """Exact SHAP values of the churn log-odds; shape (customers, facts), columns as in self.names."""
        return self.explainer(self.columns(values, names))

    @cached_property
    def explainer(self) -> Explainer:
        """Made once: its tables cost as much as the reasons of thousands of customers."""
        return Explainer(self.churn)

    def columns(self, values: Floats, names: tuple[str, ...]) -> Floats:
        if names == self.names:
            return values
        try:
            return np.ascontiguousarray(values[:, [names.index(name) for name in self.names]])
        except ValueError as error:
            raise Refused(
                f"the bundle's models need a fact that this version does not read: {error}; "
                "train and promote a new one"
            ) from error
