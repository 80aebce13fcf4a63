"""Effects that offers share: one linear model of all offers' effects, in which each offer borrows.

The effect of offer k on customer x is z(x) · (common + terms_k · by_term + own_k): z are the customer's
facts as ranks (models.basis), `by_term` says how an offer's terms change the effect, `own_k` what only this
offer does. All three are shrunk, each as much as held-out customers ask for; an offer without history has no
`own`, and gets what its terms promise. The outcome is first freed of what a LightGBM model expects of the
customer without knowing of the contact. (Partial pooling: Gelman & Hill 2007, ch. 12; the outcome model:
Nie & Wager 2021.)
"""

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.basis import Basis, fit_basis
from models.learner import fold_of
from models.trial import Trial, calm, freed

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]
# An offer with fewer contacts has no effect of its own, only that of its terms.
LEAST_CONTACTS = 200
MOST_OWN = 60
FOLDS = 3
# How strongly the common part, what comes of terms, and what is an offer's own are held back, in rows of
# noise; which of them is used, held-out customers say.
COMMON = (100.0, 1000.0)
DIFFERENT = (300.0, 1000.0, 3000.0, 10_000.0, 30_000.0)
INTERCEPT = 0.05  # the mean effect is held back less than what differs between customers
FREE = 10.0


@dataclass(frozen=True)
class SharedEffect:
    """common: (columns,); by_term: (terms, columns); centre, scale: (terms,); own_terms: (offers, terms), of
    the offers in `own`: (offers, columns)."""

    names: tuple[str, ...]
    offer_names: tuple[str, ...]
    basis: Basis
    centre: Floats
    scale: Floats
    common: Floats
    by_term: Floats
    own_terms: Floats
    own: Floats
    learner: str = "shared"

    def predict(self, facts: Floats, terms: Floats) -> Floats:
        """facts: (customers, facts); terms: (offers, terms); shape (customers, offers)."""
        columns = self.basis(facts)
        weights = self.coefficients(terms)
        effect = np.zeros((len(facts), len(terms)))
        # Sums in one order, so that one customer gets to the bit what it gets among all.
        for column, weight in zip(columns, weights.T, strict=True):
            effect += column[:, None] * weight
        return effect

    def coefficients(self, terms: Floats) -> Floats:
        """Of each offer, shape (offers, columns)."""
        told = (terms - self.centre) / self.scale
        weights = np.tile(self.common, (len(terms), 1))
        for column, by in zip(told.T, self.by_term, strict=True):
            weights += column[:, None] * by
        for known, own in zip(self.own_terms, self.own, strict=True):
            weights[(terms == known).all(axis=1)] += own
        return weights


def shared_learner(trial: Trial) -> SharedEffect:
    basis = fit_basis(trial.facts)
    columns = basis(trial.facts)
    offers, which = np.unique(trial.terms, axis=0, return_inverse=True)
    which = which.ravel()[trial.offer]
    sent = trial.contacted == 1
    contacts = np.bincount(which[sent], minlength=len(offers))
    busiest = np.argsort(-contacts, kind="stable")[:MOST_OWN]
    has_own = np.sort(busiest[contacts[busiest] >= LEAST_CONTACTS])
    centre, scale = _scale(offers[has_own] if len(has_own) else offers)
    design = _design((offers - centre) / scale, has_own)
    rest = calm(freed(trial))
    fold = fold_of(trial.groups)
    parts = [_sums(columns, rest, sent, which, len(offers), fold == k) for k in range(FOLDS)]
    strengths = list(product(COMMON, DIFFERENT, DIFFERENT if len(has_own) else DIFFERENT[:1]))
    losses = np.zeros(len(strengths))
    for k in range(FOLDS):
        known = _Sums(*(sum(both) for both in zip(*(p for j, p in enumerate(parts) if j != k), strict=True)))
        system, right = _system(known, design)
        for place, strength in enumerate(strengths):
            found = _solve(system, right, design, offers.shape[1], strength)
            losses[place] += _loss(parts[k], design, found)
    whole = _Sums(*(sum(both) for both in zip(*parts, strict=True)))
    best = strengths[int(np.argmin(losses))]
    found = _solve(*_system(whole, design), design, offers.shape[1], best)
    terms = offers.shape[1]
    return SharedEffect(
        names=trial.names, offer_names=trial.offer_names, basis=basis, centre=centre, scale=scale,
        common=found[1], by_term=found[2 : 2 + terms],
        own_terms=offers[has_own], own=found[2 + terms :],
    )  # fmt: skip


class _Sums(NamedTuple):
    """Of the rows held back, (columns, columns) and (columns,), and of each offer's, (offers, ...)."""

    held: Floats
    held_with: Floats
    sent: Floats
    sent_with: Floats


def _sums(columns: Floats, rest: Floats, sent: Flags, which: Int64s, offers: int, chosen: Flags) -> _Sums:
    width = len(columns)
    held = columns[:, chosen & ~sent]
    by_offer, with_rest = np.zeros((offers, width, width)), np.zeros((offers, width))
    for k in range(offers):
        rows = np.flatnonzero(chosen & sent & (which == k))
        own = columns[:, rows]
        by_offer[k], with_rest[k] = own @ own.T, own @ rest[rows]
    return _Sums(held @ held.T, held @ rest[chosen & ~sent], by_offer, with_rest)


def _design(told: Floats, has_own: Int64s) -> Floats:
    """What each offer is made of: the common part, its terms, its own; shape (offers, parts)."""
    own = np.zeros((len(told), len(has_own)))
    own[has_own, np.arange(len(has_own))] = 1.0
    return np.column_stack([np.ones(len(told)), told, own])


def _system(sums: _Sums, design: Floats) -> tuple[Floats, Floats]:
    """Normal equations of what customers bring without an offer (the first part) and of the effects."""
    offers, parts = design.shape
    width = len(sums.held)
    whole = np.column_stack([np.ones(offers), design])
    pairs = (whole[:, :, None] * whole[:, None, :]).reshape(offers, -1)
    blocks = (pairs.T @ sums.sent.reshape(offers, -1)).reshape(parts + 1, parts + 1, width, width)
    blocks[0, 0] += sums.held
    right = whole.T @ sums.sent_with
    right[0] += sums.held_with
    size = (parts + 1) * width
    return blocks.transpose(0, 2, 1, 3).reshape(size, size), right.ravel()


def _solve(
    system: Floats, right: Floats, design: Floats, terms: int, strength: tuple[float, float, float]
) -> Floats:
    """Coefficients, shape (1 + parts, columns): without an offer, common, by term, own."""
    parts = design.shape[1] + 1
    width = len(right) // parts
    held = np.empty((parts, width))
    held[0], held[1], held[2 : 2 + terms], held[2 + terms :] = FREE, *strength
    held[1:, 0] *= INTERCEPT
    ridged = system + np.diag(held.ravel())
    return np.asarray(np.linalg.solve(ridged, right)).reshape(parts, width)


def _loss(sums: _Sums, design: Floats, found: Floats) -> float:
    """Squared error on the rows of `sums`, up to a constant."""
    without = found[0]
    loss = without @ sums.held @ without - 2 * sums.held_with @ without
    for k, made_of in enumerate(design):
        weights = without + made_of @ found[1:]
        loss += weights @ sums.sent[k] @ weights - 2 * sums.sent_with[k] @ weights
    return float(loss)


def _scale(offers: Floats) -> tuple[Floats, Floats]:
    spread = offers.std(axis=0)
    return offers.mean(axis=0), np.where(spread > 0, spread, 1.0)
