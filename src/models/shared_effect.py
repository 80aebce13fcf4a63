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
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.basis import Basis, fit_basis
from models.learner import FOLDS, fold_of
from models.trial import Trial, calm, freed
from tables.compiled import compiled
from tables.once import once

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]
# An offer with fewer contacts has no effect of its own, only that of its terms.
LEAST_CONTACTS = 200
MOST_OWN = 60
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
        effect = np.zeros((len(facts), len(terms)))
        _add_up(self.basis(facts), _by_column(self, terms), effect)
        return effect

    def coefficients(self, terms: Floats) -> Floats:
        """Of each offer, shape (offers, columns)."""
        told = (terms - self.centre) / self.scale
        weights = np.tile(self.common, (len(terms), 1))
        for column, by in zip(told.T, self.by_term, strict=True):
            weights += column[:, None] * by
        if len(self.own):
            same = (terms[:, None] == self.own_terms).all(axis=2)
            known = same.any(axis=1)
            weights[known] += self.own[same[known].argmax(axis=1)]
        return weights


@once
def _by_column(model: SharedEffect, terms: Floats) -> Floats:
    """The coefficients, shape (columns, offers)."""
    return np.ascontiguousarray(model.coefficients(terms).T)


@compiled
def _add_up(columns: Any, weights: Any, effect: Any) -> None:
    """Sums in one order, so that one customer gets to the bit what it gets among all."""
    for row in range(effect.shape[0]):
        for c in range(len(columns)):
            for offer in range(effect.shape[1]):
                effect[row, offer] += columns[c, row] * weights[c, offer]


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
    told = (offers - centre) / scale
    rest = calm(freed(trial))
    fold = fold_of(trial.groups)
    parts = [_sums(columns, rest, sent, which, len(offers), fold == k) for k in range(FOLDS)]
    is_own = np.isin(np.arange(len(offers)), has_own)
    losses = dict.fromkeys(product(COMMON, DIFFERENT, DIFFERENT if len(has_own) else DIFFERENT[:1]), 0.0)
    for k in range(FOLDS):
        known = _total([part for j, part in enumerate(parts) if j != k])
        for strength in losses:
            losses[strength] += _loss(parts[k], told, _solve(known, told, is_own, strength))
    best = min(losses, key=losses.__getitem__)
    found = _solve(_total(parts), told, is_own, best)
    return SharedEffect(
        names=trial.names, offer_names=trial.offer_names, basis=basis, centre=centre, scale=scale,
        common=found.shared[1], by_term=found.shared[2:], own_terms=offers[has_own], own=found.own[has_own],
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


class _Found(NamedTuple):
    """shared: (2 + terms, columns), of what customers bring without an offer, common, by term; own: (offers,
    columns), 0 where an offer has none."""

    shared: Floats
    own: Floats


def _total(parts: list[_Sums]) -> _Sums:
    return _Sums(*(np.sum(each, axis=0) for each in zip(*parts, strict=True)))


def _solve(sums: _Sums, told: Floats, is_own: Flags, strength: tuple[float, float, float]) -> _Found:
    """The coefficients. What is an offer's own meets no other offer, so that it is taken out of the normal
    equations first (Schur complement): what is left grows with the terms, not with the offers."""
    offers, width = sums.sent_with.shape
    common, by_term, own = (np.full(width, each) for each in strength)
    for each in (common, by_term, own):
        each[0] *= INTERCEPT
    both = np.concatenate([sums.sent, sums.sent_with[:, :, None]], axis=2)
    explained = np.linalg.solve(sums.sent + np.diag(own), both) * is_own[:, None, None]
    left = both - sums.sent @ explained
    # What customers bring without an offer, common, and the terms: each offer's share in each.
    made_of = np.column_stack([np.ones((offers, 2)), told])
    count = made_of.shape[1]
    pairs = (made_of[:, :, None] * made_of[:, None, :]).reshape(offers, -1)
    blocks = (pairs.T @ left[:, :, :-1].reshape(offers, -1)).reshape(count, count, width, width)
    blocks[0, 0] += sums.held + FREE * np.eye(width)
    blocks[1, 1] += np.diag(common)
    for k in range(2, count):
        blocks[k, k] += np.diag(by_term)
    right = made_of.T @ left[:, :, -1]
    right[0] += sums.held_with
    system = blocks.transpose(0, 2, 1, 3).reshape(count * width, count * width)
    shared = np.asarray(np.linalg.solve(system, right.ravel())).reshape(count, width)
    weights = made_of @ shared
    return _Found(shared, explained[:, :, -1] - (explained[:, :, :-1] @ weights[:, :, None])[:, :, 0])


def _loss(sums: _Sums, told: Floats, found: _Found) -> float:
    """Squared error on the rows of `sums`, up to a constant."""
    without = found.shared[0]
    loss = without @ sums.held @ without - 2 * sums.held_with @ without
    weights = without + found.shared[1] + told @ found.shared[2:] + found.own
    for k, weight in enumerate(weights):
        loss += weight @ sums.sent[k] @ weight - 2 * sums.sent_with[k] @ weight
    return float(loss)


def _scale(offers: Floats) -> tuple[Floats, Floats]:
    spread = offers.std(axis=0)
    return offers.mean(axis=0), np.where(spread > 0, spread, 1.0)
