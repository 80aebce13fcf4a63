"""Arbitration: a plain loop over all options is the oracle, and rows do not know of each other."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.arbitration import NOTHING, ROWS_AT_ONCE, Block, arbitrate, tariff_of
from decisions.limit import Charges, Terms, no_charges

Case = tuple[Block, Terms, Charges, float]
NAN = float("nan")


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Coarse numbers make ties, exact zeros and net values that just reach the minimum."""
    customers, offers, channels = draw(st.integers(0, 7)), draw(st.integers(1, 6)), draw(st.integers(1, 8))
    size = draw(st.sampled_from([np.float32, np.float64]))
    coarse = draw(st.booleans())
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    shape, options = (customers, offers), (offers, channels)
    uplift, response = random.normal(60, 120, shape), random.uniform(size=shape)
    money, contact, per_response = random.uniform(-0.2, 2, (3, *options)) * draw(st.sampled_from([0.0, 1.0]))
    if coarse:
        uplift, response = np.round(uplift / 50) * 50, np.round(response * 2) / 2
        money, contact, per_response = (np.round(each * 2) / 2 for each in (money, contact, per_response))
    uplift[random.random(shape) < 0.1] = NAN
    response[random.random(shape) < 0.1] = random.choice([NAN, -0.5])
    block = Block(
        uplift.astype(size), response.astype(size), random.integers(0, 2**channels, shape).astype(np.uint8)
    )
    terms = Terms(random.integers(0, 5, offers) * 50.0, random.integers(0, 3, options) * 25.0)
    return block, terms, Charges(money, contact, 40 * per_response), draw(st.sampled_from([-1e9, 0.0, 50.0]))


def best_of(case: Case, row: int) -> tuple[int, int]:
    block, terms, charged, minimum = case
    found, most = (NOTHING, NOTHING), 0.0
    for j, (uplift, response, mask) in enumerate(zip(*(each[row].tolist() for each in block), strict=True)):
        for c in range(terms.contact_cost.shape[1]):
            contact, redemption = terms.contact_cost[j, c], terms.redemption_cost[j]
            base = contact + charged.money[j, c] * contact + charged.contact[j, c]
            slope = redemption + charged.money[j, c] * redemption + charged.response[j, c]
            worth = uplift - (base + slope * response)
            net = uplift - (contact + redemption * response)
            if mask >> c & 1 and response >= 0 and worth > most and net >= minimum:
                found, most = (j, c), worth
    return found


@settings(deadline=None)  # the first example compiles
@given(cases())
def test_the_best_option_is_that_of_a_plain_loop(case: Case) -> None:
    block, terms, charged, minimum = case
    choice = arbitrate(block, tariff_of(terms, charged), minimum)
    got = list(zip(choice.offer.tolist(), choice.channel.tolist(), strict=True))
    assert got == [best_of(case, row) for row in range(len(block.uplift))]


@settings(deadline=None)  # the first example compiles
@given(cases())
def test_worth_is_net_value_less_what_the_limits_are_worth(case: Case) -> None:
    block, terms, charged, _ = case
    tariff = tariff_of(terms, charged)
    response = np.nan_to_num(block.response.astype(np.float64))[:, :, None]
    cost = response * terms.redemption_cost[:, None] + terms.contact_cost
    worth = -cost - (charged.money * cost + charged.contact + charged.response * response)
    assert np.allclose(-(tariff.base + tariff.slope * response), worth)


@settings(deadline=None)  # the first example compiles
@given(cases())
def test_one_customer_alone_gets_what_it_gets_among_all(case: Case) -> None:
    block, terms, charged, minimum = case
    tariff = tariff_of(terms, charged)
    together = arbitrate(block, tariff, minimum)
    for row in range(len(block.uplift)):
        alone = arbitrate(Block(*(each[row : row + 1] for each in block)), tariff, minimum)
        assert (alone.offer[0], alone.channel[0]) == (together.offer[row], together.channel[row])


@pytest.fixture(scope="module")
def many() -> Block:
    random = np.random.default_rng(3)
    shape = (2 * ROWS_AT_ONCE + 77, 5)
    allowed = random.integers(0, 256, shape).astype(np.uint8)
    return Block(random.normal(50, 200, shape), random.uniform(size=shape), allowed)


def test_two_threads_and_mapped_files_answer_the_same(many: Block, tmp_path: Any) -> None:
    tariff = tariff_of(terms := Terms(np.full(5, 90.0), np.full((5, 8), 7.0)), no_charges(terms))
    mapped = []
    for name, each in zip(Block._fields, many, strict=True):
        np.save(tmp_path / f"{name}.npy", each)
        mapped.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    one, two = arbitrate(many, tariff, 0.0), arbitrate(Block(*mapped), tariff, 0.0, threads=2)
    assert (one.offer >= 0).any()
    assert np.array_equal(one.offer, two.offer)
    assert np.array_equal(one.channel, two.channel)


def test_of_equals_the_first_offer_and_the_first_channel_are_taken() -> None:
    block = Block(np.full((1, 3), 100.0), np.full((1, 3), 0.5), np.array([[0, 6, 7]], np.uint8))
    terms = Terms(np.full(3, 10.0), np.full((3, 3), 1.0))
    choice = arbitrate(block, tariff_of(terms, no_charges(terms)), 0.0)
    assert (choice.offer[0], choice.channel[0]) == (1, 1)


def test_what_is_worth_nothing_is_not_given() -> None:
    block = Block(np.array([[6.0]]), np.array([[0.5]]), np.array([[1]], np.uint8))
    terms = Terms(np.array([10.0]), np.array([[1.0]]))
    assert arbitrate(block, tariff_of(terms, no_charges(terms)), 0.0).offer[0] == NOTHING
