"""The ledger of benchmarks.guarantees sees every promise that is broken, and nothing where none is."""

import numpy as np
import pytest

from benchmarks.guarantee_ledger import Given, violations
from benchmarks.guarantee_world import World, made_world
from decisions.choice import NOTHING
from tables.contract import CONTACT_CHANNELS


@pytest.fixture(scope="module")
def world() -> World:
    """One whose week reserved something and whose holdout is not empty."""
    return next(
        world
        for world in (made_world(400, seed) for seed in range(30))
        if world.who.held_out.any() and (world.reserved.offer != NOTHING).sum() > 20
    )


def reserved(world: World) -> list[Given]:
    return [
        Given(int(row), int(world.reserved.offer[row]), int(world.reserved.channel[row]), True)
        for row in np.flatnonzero(world.reserved.offer != NOTHING)
    ]


def broken(world: World, given: list[Given]) -> set[str]:
    return {what for what, times in violations(world, given).items() if times}


def test_what_was_reserved_and_given_breaks_nothing(world: World) -> None:
    assert broken(world, reserved(world)) == set()
    assert sum(violations(world, reserved(world), batch=True).values()) == 0


def test_each_broken_promise_is_seen(world: World) -> None:
    first = reserved(world)[0]
    assert "reserved, and given twice" in broken(world, [first, first])
    held = int(np.flatnonzero(world.who.held_out)[0])
    assert "holdout" in broken(world, [first._replace(customer=held)])
    without = int(np.flatnonzero(world.who.consents == 0)[0])
    assert "consent" in broken(world, [first._replace(customer=without)])
    assert "cap" in broken(world, [first._replace(is_reserved=False)] * 9)
    offer = next(k for k, each in enumerate(world.offers) if len(each.channels) < len(CONTACT_CHANNELS))
    other = next(k for k, name in enumerate(CONTACT_CHANNELS) if name not in world.offers[offer].channels)
    wrong = first._replace(offer=offer, channel=other)
    assert broken(world, [wrong]) >= {"channel", "reserved, but not set aside"}
    cost = max(range(len(world.offers)), key=lambda k: world.offers[k].cost)
    much = [first._replace(offer=cost, is_reserved=False)] * world.policy.weekly_budget
    assert "budget" in broken(world, much[:200_000])
