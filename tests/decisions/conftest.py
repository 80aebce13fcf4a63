"""Offers, policies and scores to decide on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decisions.arbitration import Block
from decisions.circumstance import Circumstances
from decisions.known import Known, Measured
from decisions.limit import Limits, Terms
from decisions.policy import Policy, read_policy
from decisions.segment import measured_of
from models.scorer import Scores
from tables.offer import Offer


@pytest.fixture(scope="session")
def policy_of() -> Callable[..., Policy]:
    """A policy with some of its words changed."""

    def make(**changes: Any) -> Policy:
        plain: dict[str, Any] = {
            "name": "test",
            "margin_rate": 0.3,
            "risk_bands": [{"name": "any", "chinese": "任意", "below": 1.01}],
            "weekly_budget": 1000,
            "minimum_net_value": 50,
            "holdout": {"share": 0.05, "salt": "2026"},
            "unknown_consent": "refuse",
        }
        return Policy.model_validate(plain | changes)

    return make


@pytest.fixture(scope="session")
def offer_of() -> Callable[..., Offer]:
    """A coupon that costs 100 when redeemed and 0 to tell, with some of its words changed."""

    def make(name: str = "a", **changes: Any) -> Offer:
        return Offer(
            **{"offer_id": name, "kind": "coupon", "name": name, "reward": 100, "cost": 100} | changes
        )

    return make


@pytest.fixture(scope="session")
def scores_of() -> Callable[..., Scores]:
    """Scores from response and uplift, shape (customers, offers)."""

    def make(response: Any, uplift: Any) -> Scores:
        response, uplift = np.array(response, dtype=float), np.array(uplift, dtype=float)
        nothing = np.zeros(len(response))
        return Scores(churn=nothing, value=nothing, response=response, uplift=uplift)

    return make


@pytest.fixture(scope="session")
def who_of() -> Callable[..., Circumstances]:
    """Customers of whom all is known and nothing stands in the way, with some of it changed; what is given
    as one number is everybody's."""

    def make(customers: int = 1, policy: Policy | None = None, **changes: Any) -> Circumstances:
        plain: dict[str, Any] = {
            "ids": np.array([f"c{k}" for k in range(customers)], dtype=object),
            "consents": np.full(customers, 255.0),
            "is_personalised": np.ones(customers),
            "held_out": np.zeros(customers, dtype=bool),
            "stage": np.zeros(customers, np.int8),
            "open_complaints": np.zeros(customers),
            "unanswered": np.zeros(customers),
            "days_since_contact": np.full(customers, np.nan),
            "contacts": np.zeros((customers, len(policy.caps) if policy else 0)),
            "days_to": np.full((customers, len(policy.occasions) if policy else 0), np.nan),
            "hours": np.full((customers, len(policy.slots) if policy else 0), np.nan),
        }
        assert plain.keys() >= changes.keys()
        for name, value in changes.items():
            plain[name] = np.broadcast_to(np.asarray(value, plain[name].dtype), plain[name].shape).copy()
        return Circumstances(**plain)

    return make


@pytest.fixture(scope="session")
def shipped(root: Path) -> Policy:
    """The policy that comes along."""
    return read_policy(root / "config/policy.yaml")


@pytest.fixture(scope="session")
def knowing() -> Callable[..., Known]:
    """Customers of whom these columns are known, and nothing else."""

    def make(**columns: Any) -> Known:
        parts = {name: np.atleast_1d(np.array(part, dtype=float)) for name, part in columns.items()}
        count = max(len(part) for part in parts.values())
        return Known(count, {name: np.broadcast_to(part, count) for name, part in parts.items()})

    return make


@pytest.fixture(scope="session")
def measuring(shipped: Policy, knowing: Callable[..., Known]) -> Callable[..., Measured]:
    """The shipped policy's measures of customers of whom these columns are known."""

    def make(**columns: Any) -> Measured:
        return measured_of(shipped, knowing(**columns))

    return make


@pytest.fixture(scope="session")
def base_of() -> Callable[..., tuple[Block, Terms, Limits, float]]:
    """A random base under random limits of every kind (money, contacts, stock, least shares; with `least`
    one least number of contacts), and the least net value."""

    def make(
        seed: int, customers: int, *, least: bool = False, size: type = np.float64
    ) -> tuple[Block, Terms, Limits, float]:
        random = np.random.default_rng(seed)
        offers, channels = int(random.integers(1, 7)), int(random.integers(1, 5))
        shape, options = (customers, offers), (offers, channels)
        uplift, response = random.normal(150, 400, shape), random.uniform(size=shape)
        uplift[random.random(shape) < 0.05] = np.nan
        allowed = random.integers(0, 2**channels, shape).astype(np.uint8)
        terms = Terms(random.integers(0, 300, offers).astype(float), random.integers(0, 40, options) * 1.0)

        def some() -> Any:
            return ((random.random((offers, 1)) < 0.6) & (random.random((1, channels)) < 0.7)).astype(float)

        none = np.zeros(options)
        rows = [("money", random.uniform(5, 60) * customers, none + 1, none, none)]
        for k in range(int(random.integers(0, 4))):
            rows.append((f"money {k}", random.uniform(2, 20) * customers, some(), none, none))
            rows.append((f"contacts {k}", float(random.integers(0, customers // 3 + 2)), none, some(), none))
            rows.append((f"stock {k}", random.uniform(0, 0.2) * customers, none, none, some()))
        if random.random() < 0.5:
            rows.append(("share", 0.0, none, random.uniform(0.05, 0.3) - some(), none))
        if least:
            own = none.copy()
            own[random.integers(offers)] = -1
            rows.append(("least", -float(random.integers(1, customers // 6 + 2)), none, own, none))
        names, bounds, *tables = zip(*rows, strict=True)
        limits = Limits(tuple(names), np.array(bounds), *(np.stack(each) for each in tables))
        return Block(uplift.astype(size), response.astype(size), allowed), terms, limits, 20.0

    return make
