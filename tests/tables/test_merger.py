"""Merged identities: chains, withdrawn mergers, circles; every id is owned by one at any time."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.merger import Merger, Ownership, ownerships
from tables.moment import FOREVER
from tables.refusal import Refused


def test_before_a_merger_an_id_stands_alone() -> None:
    assert ownerships([Merger("b", "a", 10, FOREVER)]) == [
        Ownership("b", "b", -FOREVER, 10),
        Ownership("b", "a", 10, FOREVER),
    ]


def test_an_id_follows_a_chain_of_mergers_to_its_end() -> None:
    owned = ownerships([Merger("c", "b", 10, FOREVER), Merger("b", "a", 20, FOREVER)])
    assert [each for each in owned if each.customer_id == "c"] == [
        Ownership("c", "c", -FOREVER, 10),
        Ownership("c", "b", 10, 20),
        Ownership("c", "a", 20, FOREVER),
    ]


def test_after_a_withdrawn_merger_an_id_stands_alone_again() -> None:
    assert [each.owner_id for each in ownerships([Merger("b", "a", 10, 20)])] == ["b", "a", "b"]


def test_of_two_mergers_the_later_one_counts() -> None:
    owned = ownerships([Merger("c", "b", 10, FOREVER), Merger("c", "a", 20, FOREVER)])
    assert owned[-1] == Ownership("c", "a", 20, FOREVER)


@pytest.mark.parametrize("ids", ["ab", "abc", "abcd"])
def test_a_circle_is_refused_and_named(ids: str) -> None:
    circle = [Merger(one, ids[(k + 1) % len(ids)], 10, FOREVER) for k, one in enumerate(ids)]
    with pytest.raises(Refused, match=r"a into b.*goes round in a circle; withdraw one of these mergers"):
        ownerships(circle)


def test_two_ids_merged_into_each_other_at_different_times_are_no_circle() -> None:
    owned = ownerships([Merger("a", "b", 0, 10), Merger("b", "a", 10, 20)])
    assert Ownership("a", "b", 0, 10) in owned
    assert Ownership("b", "a", 10, 20) in owned


@st.composite
def mergers_without_circles(draw: st.DrawFn) -> list[Merger]:
    """Each id is merged only into one before it in the alphabet."""
    found = []
    for _ in range(draw(st.integers(0, 8))):
        into, customer = sorted(
            draw(st.lists(st.sampled_from("abcdef"), min_size=2, max_size=2, unique=True))
        )
        since = draw(st.integers(0, 20))
        until = draw(st.just(FOREVER) | st.integers(since + 1, 30))
        found.append(Merger(customer, into, since, until))
    return found


@given(mergers_without_circles())
def test_the_owners_of_an_id_cover_all_time_exactly_once(mergers: list[Merger]) -> None:
    owned = ownerships(mergers)
    assert {each.customer_id for each in owned} == {merger.customer_id for merger in mergers}
    for _, turns in itertools.groupby(owned, key=lambda each: each.customer_id):
        spans = list(turns)
        assert spans[0].since == -FOREVER
        assert spans[-1].until == FOREVER
        for one, following in itertools.pairwise(spans):
            assert one.since < one.until == following.since
            assert one.owner_id != following.owner_id


@given(mergers_without_circles(), st.integers(-1, 31))
def test_at_any_moment_the_owner_is_found_by_following_the_latest_merger_in_force(
    mergers: list[Merger], t: int
) -> None:
    for owned in ownerships(mergers):
        if owned.since <= t < owned.until:
            owner = owned.customer_id
            while steps := [m for m in mergers if m.customer_id == owner and m.since <= t < m.until]:
                owner = max(steps, key=lambda m: (m.since, m.merged_into)).merged_into
            assert owned.owner_id == owner
