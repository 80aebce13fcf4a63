from datetime import date
from pathlib import Path

import pytest

from simulator import World, simulate
from simulator.dynamics import qualifying_share
from simulator.policy import offer_probabilities


def test_the_truth_is_stated_at_waves_one_horizon_apart() -> None:
    world = World()
    first, end = world.truth_moments
    assert (end - first).days == 91
    assert end == world.end
    assert all(world.is_wave(week) for week in world.truth_weeks)
    assert [week for week in range(26) if world.is_wave(week)] == [0, 4, 8, 13, 17, 21]
    assert [world.wave_before(week) for week in (3, 4, 12, 13)] == [0, 4, 8, 13]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"customers": 0}, "customers must be positive"),
        ({"start": date(2024, 10, 29)}, "start must be a Monday"),
        ({"weeks": 100}, "weeks must be a multiple of 13"),
        ({"holdout": 1.0}, "holdout must lie between 0 and 1"),
    ],
)
def test_a_parameter_out_of_range_is_named(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        World(**given)  # type: ignore[arg-type]


def test_days_begin_at_local_midnight_across_a_change_of_clocks() -> None:
    world = World(time_zone="Europe/Berlin")
    hours = {int(step) // 3_600_000_000 for step in world.day_starts[1:] - world.day_starts[:-1]}
    assert hours == {23, 24, 25}


def test_offices_offer_only_what_is_valid_and_everything_that_is() -> None:
    world = World()
    for week in (0, 30, 60, 91):
        probability = offer_probabilities(world, week)
        assert probability.sum(axis=1) == pytest.approx(1.0)
        for place, offer in enumerate(world.offers):
            if offer.is_valid(week):
                assert (probability[:, place] * (1 - world.holdout) >= 0.02).all()
            else:
                assert (probability[:, place] == 0).all()


def test_an_offer_without_a_reward_is_never_redeemed() -> None:
    world = World()
    care = next(offer for offer in world.offers if offer.kind == "care")
    assert (qualifying_share(world.day_starts[:5].astype(float), care) == 0).all()


def test_progress_counts_the_customers_of_every_chunk(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    world = World(customers=250, chunk=100, weeks=39)
    simulate(world, tmp_path, lambda done, of: told.append((done, of)))
    assert told == [(100, 250), (200, 250), (250, 250)]
