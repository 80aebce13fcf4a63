"""Under a hundred limits and more the weekly choice over 3,000,000 customers takes a minute, within 0.1 % of the best.

Forty offers on eight channels, from given uplifts, on two threads: money, stock, capacity, staff, least
shares. The gap is to the dual, which no choice can exceed. HiGHS solves the same problem at a size it can do;
greedy takes the highest uplifts that still fit. The last line of the output is one JSON object.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.arbitration import Block
from decisions.limit import Limits, Terms
from tables.contract import CONTACT_CHANNELS, OFFER_KINDS

Floats = npt.NDArray[np.float64]
AT_ONCE = 100_000
OFFERS, CHANNELS = 40, len(CONTACT_CHANNELS)
CHANNEL_COST = np.array([1, 1, 5, 5, 0, 500, 1, 20_000], dtype=np.float64)
# The share of customers who agreed to be told something there.
CONSENT = np.array([0.6, 0.5, 0.35, 0.7, 0.8, 0.3, 0.2, 0.1])


class World(NamedTuple):
    blocks: tuple[Block, ...]
    terms: Terms
    limits: Limits


def made_world(customers: int, seed: int = 1) -> World:
    """Customers of very different value and sensitivity: who responds to one offer responds to others of its
    kind, sleeping dogs among them; uplifts follow the response only loosely."""
    random = np.random.default_rng(seed)
    kind = np.arange(OFFERS) % len(OFFER_KINDS)
    redemption = np.round(random.gamma(3.0, 400.0, OFFERS))
    terms = Terms(redemption, random.integers(0, 20, OFFERS)[:, None] + CHANNEL_COST)
    appeal, effect = random.normal(-1.5, 0.7, OFFERS), random.gamma(4.0, 0.25, OFFERS)
    on = (random.random((OFFERS, CHANNELS)) < 0.75) | (np.arange(CHANNELS) == 0)
    on[:, 5:] &= random.random((OFFERS, 3)) < 0.5
    bits = (on << np.arange(CHANNELS)).sum(axis=1).astype(np.uint8)
    blocks = tuple(
        _block(np.random.default_rng((seed, begin)), min(AT_ONCE, customers - begin), kind, appeal, effect, bits)
        for begin in range(0, customers, AT_ONCE)
    )
    return World(blocks, terms, made_limits(customers, kind, terms, random))


def _block(
    random: np.random.Generator, count: int, kind: Floats, appeal: Floats, effect: Floats, bits: Floats
) -> Block:
    value = random.lognormal(8.0, 1.0, count)
    liking = random.normal(0, 0.8, (count, len(OFFER_KINDS)))
    open_ = random.normal(0, 0.8, count)
    noise = random.normal(0, 0.4, (count, OFFERS))
    response = 1 / (1 + np.exp(-(appeal + open_[:, None] + liking[:, kind] + noise)))
    # Of those who redeem, some would have bought anyway, and some are woken to leave.
    moved = random.normal(0.25, 0.35, count)[:, None] + random.normal(0, 0.15, (count, OFFERS))
    uplift = value[:, None] * response * moved * effect
    consents = ((random.random((count, CHANNELS)) < CONSENT) << np.arange(CHANNELS)).sum(axis=1)
    allowed = np.bitwise_and(consents.astype(np.uint8)[:, None], bits)
    allowed[random.random(allowed.shape) < 0.15] = 0  # not eligible, or told too often
    return Block(uplift.astype(np.float32), response.astype(np.float32), allowed)


def made_limits(customers: int, kind: Floats, terms: Terms, random: np.random.Generator) -> Limits:
    """All money; money by kind, by channel; contacts by channel, by kind; kinds on channels; stock; shares."""
    shape = terms.contact_cost.shape
    none, every = np.zeros(shape), np.ones(shape)
    rows: list[tuple[str, float, Floats, Floats, Floats]] = []
    rows.append(("money", 60.0 * customers, every, none, none))
    channel = np.arange(CHANNELS)
    for k, name in enumerate(OFFER_KINDS):
        own = (kind[:, None] == k) & np.ones(CHANNELS, bool)
        rows.append((f"money {name}", random.uniform(5, 14) * customers, own.astype(float), none, none))
        rows.append((f"contacts {name}", random.uniform(0.04, 0.1) * customers, none, own.astype(float), none))
    capacity = np.array([0.12, 0.1, 0.06, 0.08, 0.12, 0.004, 0.03, 0.0005])
    for c, name in enumerate(CONTACT_CHANNELS):
        own = (np.ones((OFFERS, 1), bool) & (channel == c)).astype(float)
        rows.append((f"capacity {name}", capacity[c] * customers, none, own, none))
        rows.append((f"money {name}", random.uniform(4, 12) * customers, own, none, none))
    for k, name in enumerate(OFFER_KINDS):
        for c in (0, 1, 3, 4):
            own = ((kind[:, None] == k) & (channel == c)).astype(float)
            bound = random.uniform(0.08, 0.4) * capacity[c] * customers
            rows.append((f"{name} by {CONTACT_CHANNELS[c]}", bound, none, own, none))
    for j in range(OFFERS):
        own = ((np.arange(OFFERS) == j)[:, None] & np.ones(CHANNELS, bool)).astype(float)
        rows.append((f"stock {j}", random.uniform(0.001, 0.006) * customers, none, none, own))
    for name, share in (("care", 0.15), ("gift", 0.12), ("win_back", 0.12)):
        own = (kind[:, None] == OFFER_KINDS.index(name)) & np.ones(CHANNELS, bool)
        rows.append((f"least share {name}", 0.0, none, share - own, none))
    calls = (np.ones((OFFERS, 1), bool) & (channel == 5)).astype(float)
    rows.append(("least calls", -0.002 * customers, none, -calls, none))
    names, bounds, *tables = zip(*rows, strict=True)
    return Limits(tuple(names), np.array(bounds), *(np.stack(each).astype(np.float64) for each in tables))
