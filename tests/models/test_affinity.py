"""Affinity in a toy world of taste: six groups of items, and customers who each like one of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import affinity as affinity_module
from models import assortment as assortment_module
from models.affinity import (
    Affinity,
    AffinityFrame,
    affinity_moments,
    affinity_of,
    bought_after,
    build_affinity_frame,
    known_at,
    learn_affinity,
    relearn_affinity,
)
from models.assortment import LEAST_BUYERS, SHRINKAGE, neighbours_of
from models.candidate import ALL_ITEMS, NAMES, PAIR_FACTS, Block, blocks_of
from models.purchase import CATEGORY, PRODUCT, read_purchases
from models.ranking import (
    DEPTH,
    OURS,
    PEERS,
    compare_rankings,
    hits_of,
    judge_promise,
    rank_held_out,
    ranked_metrics,
    ranker_of,
)
from tables.code import code
from tables.history import Histories
from tables.moment import DAY
from tables.refusal import Refused

Base = Callable[..., Histories]
Floats = npt.NDArray[np.float64]
Row = dict[str, Any]
CUSTOMERS, GROUPS, IN_GROUP, DAYS = 240, 6, 10, 330
LOYAL = 0.85


class World(NamedTuple):
    histories: Histories
    now: int

    @property
    def group(self) -> npt.NDArray[np.int64]:
        """Which group of items each customer likes."""
        return np.array([int(name[1:]) % GROUPS for name in self.histories.ids])


def item(group: int, number: int) -> str:
    return f"g{group}-{number}"


def products(names: list[str]) -> list[Row]:
    return [{"event_id": n, "at": -DAY, "product_id": n, "category": n.partition("-")[0]} for n in names]


def bought(customer: str, product: str, day: float, **more: Any) -> Row:
    return {"customer_id": customer, "product_id": product, "at": int(day * DAY)} | more


def weekly_shoppers(random: np.random.Generator) -> list[Row]:
    """About one item a week: of one's own group mostly, else any, the first of a group most often."""
    rows = []
    weight = 1.0 / np.arange(1, IN_GROUP + 1)
    for k in range(CUSTOMERS):
        day = float(random.uniform(0, 7))
        while day < DAYS:
            group = k % GROUPS if random.random() < LOYAL else int(random.integers(GROUPS))
            number = int(random.choice(IN_GROUP, p=weight / weight.sum()))
            rows.append(bought(f"c{k:03d}", item(group, number), day, amount=100 * (1 + number)))
            day += float(random.exponential(7.0))
    return rows


@pytest.fixture(scope="module")
def world(base_of: Base, start: int) -> World:
    names = [item(group, number) for group in range(GROUPS) for number in range(IN_GROUP)]
    rows = weekly_shoppers(np.random.default_rng(5))
    return World(base_of(transactions=rows, products=products(names)), start + DAYS * DAY)


@pytest.fixture(scope="module")
def frame(world: World) -> AffinityFrame:
    moments = affinity_moments(world.histories, world.now)
    return build_affinity_frame(world.histories, (*moments.train, *moments.test), PRODUCT)


@pytest.fixture(scope="module")
def model(world: World, frame: AffinityFrame) -> Affinity:
    first = affinity_moments(world.histories, world.now).test[0]
    return learn_affinity(frame.before(first), PRODUCT)


def whole(histories: Histories, t: int, field: str) -> Block:
    """Everybody in one block."""
    known = known_at(histories, t, field)
    (block,) = blocks_of(known.purchases, known.base, known.assortment)
    return block


def test_the_ranker_beats_popularity_habit_and_neighbours_where_taste_is_real(
    world: World, model: Affinity
) -> None:
    test = affinity_moments(world.histories, world.now).test
    rankings = rank_held_out(world.histories, test, PRODUCT, {OURS: ranker_of(model), **PEERS})
    figures, ahead = compare_rankings(rankings)
    for metric in ("recall_at_5", "ndcg_at_10", "map_at_10"):
        assert ahead["all"][metric]["popularity"].low > 0.02
        assert ahead["new"][metric]["popularity"].low > 0.01, "neighbours tell what is new and fits"
        assert ahead["new"][metric]["habit"].low > 0.01
        assert ahead["all"][metric]["neighbours"].low > 0
    assert figures["repeat"]["ndcg_at_10"][OURS].value > figures["repeat"]["ndcg_at_10"]["popularity"].value


def test_a_category_that_is_liked_is_promised_as_often_as_it_is_bought(world: World) -> None:
    moments = affinity_moments(world.histories, world.now)
    categories = learn_affinity(build_affinity_frame(world.histories, moments.train, CATEGORY), CATEGORY)
    t = moments.test[-1]
    everybody = np.arange(len(world.histories))
    told = affinity_of(categories, world.histories, everybody, t, [f"g{k}" for k in range(GROUPS)])
    liked = np.arange(GROUPS) == world.group[:, None]
    later = bought_after(world.histories, everybody, t, CATEGORY)
    came = np.zeros(told.shape, dtype=bool)
    for k in range(GROUPS):
        came[later.place[later.item == code(f"g{k}")], k] = True
    assert told[liked].mean() == pytest.approx(came[liked].mean(), abs=0.05)
    assert told[~liked].mean() == pytest.approx(came[~liked].mean(), abs=0.05)
    assert told[liked].mean() > told[~liked].mean() + 0.5


def test_what_is_promised_adds_up_to_what_is_bought(world: World, model: Affinity) -> None:
    t = affinity_moments(world.histories, world.now).test[-1]
    told = judge_promise(model, world.histories, t)
    assert told["promised_to_bought"].value == pytest.approx(1, abs=0.1)
    assert told["calibration_slope"].value == pytest.approx(1, abs=0.25)
    assert told["auc"].low > 0.7


def test_the_same_base_teaches_the_same_model(world: World, frame: AffinityFrame, model: Affinity) -> None:
    moments = affinity_moments(world.histories, world.now)
    again = build_affinity_frame(world.histories, (*moments.train, *moments.test), PRODUCT)
    np.testing.assert_array_equal(again.values, frame.values)
    second = learn_affinity(again.before(moments.test[0]), PRODUCT)
    first, again_first = model.promise, second.promise
    assert again_first.booster.model_to_string() == first.booster.model_to_string()
    assert again_first[1:] == first[1:]
    assert relearn_affinity(frame, model).promise.booster.num_trees() == first.booster.num_trees()


def test_one_customer_alone_is_answered_as_among_all_and_in_any_order(world: World, model: Affinity) -> None:
    items = [item(3, 1), "never heard of", item(0, 0)]
    places = np.array([7, 200, 7, 0])
    together = affinity_of(model, world.histories, places, world.now, items)
    for row, place in zip(together, places.tolist(), strict=True):
        alone = affinity_of(model, world.histories, np.array([place]), world.now, items)
        np.testing.assert_array_equal(row, alone[0])
    assert np.isnan(together[:, 1]).all()
    assert ((together[:, [0, 2]] > 0) & (together[:, [0, 2]] < 1)).all()


def test_who_bought_nothing_for_a_year_is_told_nothing(world: World, model: Affinity) -> None:
    much_later = world.now + 360 * DAY
    known = known_at(world.histories, much_later, PRODUCT)
    told = affinity_of(model, world.histories, np.arange(CUSTOMERS), much_later, [item(0, 0)])
    gone = ~np.isin(np.arange(CUSTOMERS), known.base)
    assert 0 < gone.sum() < CUSTOMERS
    np.testing.assert_array_equal(np.isnan(told[:, 0]), gone)


def test_an_assortment_of_another_moment_is_refused(world: World, model: Affinity) -> None:
    other = known_at(world.histories, world.now - DAY, PRODUCT).assortment
    with pytest.raises(Refused, match="the assortment is as of"):
        affinity_of(model, world.histories, np.array([0]), world.now, [item(0, 0)], assortment=other)


@pytest.mark.parametrize("field", [PRODUCT, CATEGORY])
def test_what_is_not_visible_at_the_moment_changes_nothing(base_of: Base, start: int, field: str) -> None:
    """Later purchases, and purchases, corrections and withdrawals that became known later."""
    random = np.random.default_rng(3)
    names = [item(group, number) for group in range(GROUPS) for number in range(IN_GROUP)]

    def some(k: int, day: float, **more: Any) -> Row:
        who, what = f"c{int(random.integers(40)):03d}", str(random.choice(names))
        return bought(who, what, day, event_id=f"e{k}", amount=int(random.integers(1, 900)), **more)

    seen = [some(k, float(random.uniform(0, 200))) for k in range(1500)]
    hidden = [some(10_000 + k, float(random.uniform(200, 260)) + 0.01) for k in range(400)]
    hidden += [some(20_000 + k, 150.0, known_at=201 * DAY) for k in range(100)]
    changed = [row | {"known_at": 202 * DAY, "product_id": names[0], "amount": 1} for row in seen[:300]]
    withdrawn = [row | {"known_at": 203 * DAY, "deleted": True} for row in seen[300:600]]
    t = start + 200 * DAY
    few, many = (
        base_of(transactions=rows, products=products(names))
        for rows in (seen, seen + hidden + changed + withdrawn)
    )
    # Whoever bought later only is one more customer, and stands elsewhere.
    ours, theirs = (whole(histories, t, field) for histories in (few, many))
    np.testing.assert_array_equal(few.ids[ours.places], many.ids[theirs.places])
    np.testing.assert_array_equal(ours.assortment.items, theirs.assortment.items)
    np.testing.assert_array_equal(ours.candidate, theirs.candidate)
    np.testing.assert_array_equal(ours.values(ours.candidate), theirs.values(theirs.candidate))
    later = whole(many, t + 60 * DAY, field)
    assert later.candidate.shape != ours.candidate.shape or not np.array_equal(
        later.values(later.candidate), ours.values(ours.candidate)
    ), "afterwards it counts"


def test_a_label_lies_after_the_moment_and_not_after_its_horizon(base_of: Base, start: int) -> None:
    edges = {"before": 100 * DAY, "first": 100 * DAY + 1, "last": 128 * DAY, "after": 128 * DAY + 1}
    rows = [{"customer_id": "c", "product_id": name, "at": at} for name, at in edges.items()]
    rows += [{"customer_id": "c", "product_id": "late", "at": 110 * DAY, "known_at": 129 * DAY}]
    rows += [{"customer_id": "c", "product_id": "returned", "at": 110 * DAY, "quantity": -1, "amount": -1}]
    histories = base_of(transactions=rows)
    t = start + 100 * DAY
    assert set(bought_after(histories, np.array([0]), t, PRODUCT).item) == {code("first"), code("last")}
    assert set(read_purchases(histories, np.array([0]), t, PRODUCT).item) == {code("before")}


def test_facts_of_a_pair_are_those_counted_by_hand(base_of: Base, start: int) -> None:
    rows = [bought("me", "a-bread", day, amount=200) for day in (10, 20, 20.5, 30)]
    rows += [bought("me", "b-tea", 30, amount=600, quantity=2)]
    rows += [
        bought(f"c{k}", name, 35) for k in range(LEAST_BUYERS) for name in ("a-bread", "b-tea", "b-milk")
    ]
    histories = base_of(transactions=rows, products=products(["a-bread", "b-tea", "b-milk"]))
    block = whole(histories, start + 40 * DAY, PRODUCT)
    me = int(np.flatnonzero(histories.ids[block.places] == "me")[0])
    bread, tea, milk = block.assortment.place_of(np.array([code(n) for n in ("a-bread", "b-tea", "b-milk")]))

    def told(fact: str, which: int) -> float:
        return float(block.pair[PAIR_FACTS.index(fact), me, which])

    assert told("days_since_bought", bread) == 10
    assert told("days_bought_364d", bread) == 3  # twice on one day
    assert told("days_bought_28d", bread) == 2
    assert told("share_of_own_364d", bread) == pytest.approx(3 / 4)
    assert told("share_of_spend_364d", tea) == pytest.approx(600 / 1400)
    assert told("days_between", bread) == 10
    assert told("lateness", bread) == 1
    assert np.isnan(told("days_between", tea))
    assert told("frequency_recency", bread) == pytest.approx(sum(0.5 ** (age / 91) for age in (30, 20, 10)))
    both = LEAST_BUYERS
    cosine = both / (np.sqrt((both + 1) * both) + SHRINKAGE)
    assert told("neighbour_score", milk) == pytest.approx(2 * cosine)
    assert told("neighbour_score_to_highest", milk) == pytest.approx(1)
    assert told("category_share_364d", milk) == pytest.approx(1 / 4)
    assert told("days_since_category", milk) == 10
    paid = (200 * 4 + 600 + 0) / 6
    tea_price = (600 + 100 * LEAST_BUYERS) / (2 + LEAST_BUYERS)
    assert told("price_to_usual", tea) == pytest.approx(np.log(tea_price / paid))
    assert block.own[me].tolist() == [k in (bread, tea) for k in range(3)]


def cosines(pairs: set[tuple[int, int]], items: int, kept: int) -> Floats:
    """The plain loop."""
    buyers = [{customer for customer, which in pairs if which == k} for k in range(items)]
    found = np.zeros((items, items))
    for a in range(items):
        row = {}
        for b in range(items):
            if a != b and buyers[a] & buyers[b]:
                root = (len(buyers[a]) * len(buyers[b])) ** 0.5
                row[b] = len(buyers[a] & buyers[b]) / (root + SHRINKAGE)
        for b in sorted(row, key=lambda other: (-row[other], other))[:kept]:
            found[a, b] = row[b]
    return found


@settings(max_examples=40, deadline=None)
@given(
    st.sets(st.tuples(st.integers(0, 7), st.integers(0, 8)), min_size=1, max_size=50),
    st.sampled_from([1, 2, 50]),
    st.sampled_from([1, 4, 512]),
)
def test_neighbours_are_those_of_a_plain_loop(pairs: set[tuple[int, int]], kept: int, at_once: int) -> None:
    customer, which = np.array(sorted(pairs), dtype=np.int64).T
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assortment_module, "NEIGHBOURS", kept)
        patch.setattr(assortment_module, "ITEMS_AT_ONCE", at_once)
        found = neighbours_of(customer, which, 8, 9).toarray()
    np.testing.assert_allclose(found, cosines(pairs, 9, kept), rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.permutations(range(13)),
    st.sets(st.integers(0, 12)),
    st.sets(st.integers(0, 12)),
    st.integers(0, 3),
)
def test_metrics_of_a_list_are_those_of_a_plain_loop(
    order: list[int], came: set[int], allowed: set[int], outside: int
) -> None:
    score, was, may = np.zeros((1, 13)), np.zeros((1, 13), dtype=bool), np.zeros((1, 13), dtype=bool)
    for rank, which in enumerate(order):
        score[0, which] = -rank
    was[0, list(came)], may[0, list(allowed)] = True, True
    listed = [which for which in order if which in allowed][:DEPTH]
    wanted = len(came & allowed) + outside
    found = ranked_metrics(hits_of(score, was, may), np.array([wanted]))
    if not wanted:
        assert all(np.isnan(each[0]) for each in found.values())
        return
    hits, gain, precision = 0, 0.0, 0.0
    for place, which in enumerate(listed, start=1):
        if which in came:
            hits += 1
            gain += 1 / np.log2(place + 1)
            precision += hits / place
    most = min(wanted, DEPTH)
    ideal = sum(1 / np.log2(place + 1) for place in range(1, most + 1))
    assert found["recall_at_5"][0] == pytest.approx(len(set(listed[:5]) & came) / wanted)
    assert found["ndcg_at_10"][0] == pytest.approx(gain / ideal)
    assert found["map_at_10"][0] == pytest.approx(precision / most)


def test_candidates_hold_what_was_bought_what_goes_with_it_and_what_is_popular(world: World) -> None:
    block = whole(world.histories, world.now, PRODUCT)
    assert block.candidate.shape[1] > ALL_ITEMS
    assert block.candidate[block.own].all()
    near = block.candidate & ~block.own & (block.by_neighbours > 0)
    assert near.any()
    assert not block.candidate.all()


def test_blocks_of_any_size_say_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    known = known_at(world.histories, world.now, PRODUCT)
    whole_block = whole(world.histories, world.now, PRODUCT)
    monkeypatch.setattr("models.candidate.CELLS_AT_ONCE", 37 * len(known.assortment))
    blocks = list(blocks_of(known.purchases, known.base, known.assortment))
    assert len(blocks) == -(-len(known.base) // 37)
    parts = [block.values(block.candidate) for block in blocks]
    np.testing.assert_array_equal(np.concatenate(parts), whole_block.values(whole_block.candidate))


def test_a_base_that_does_not_say_what_was_bought_is_refused(base_of: Base, start: int) -> None:
    histories = base_of(transactions=[{"customer_id": "c", "at": k * DAY} for k in range(300)])
    with pytest.raises(Refused, match=r"no transactions\.category: affinity needs to know what was bought"):
        known_at(histories, start + 300 * DAY, CATEGORY)
    with pytest.raises(Refused, match="an item is one of category, product_id; came 'brand'"):
        known_at(histories, start + 300 * DAY, "brand")


def test_a_base_in_which_nobody_bought_is_refused(base_of: Base, start: int) -> None:
    rows = [bought("c", "tea", 0), bought("c", "tea", 500)]
    histories = base_of(transactions=rows, products=products(["tea"]))
    with pytest.raises(Refused, match="there is nothing to learn from"):
        build_affinity_frame(histories, (start + 400 * DAY, start + 428 * DAY), PRODUCT)


def test_too_few_purchases_are_refused(frame: AffinityFrame) -> None:
    few = replace(frame, bought=np.zeros(len(frame.bought)))
    with pytest.raises(Refused, match=r"0 of .* pairs of customer and product_id were bought"):
        learn_affinity(few, PRODUCT)


def test_no_fact_of_a_pair_is_who_the_customer_is() -> None:
    assert not [name for name in NAMES if any(word in name for word in ("age_", "gender", "region", "birth"))]


def test_fewer_pairs_are_customers_drawn_by_lot(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = affinity_moments(world.histories, world.now).train
    monkeypatch.setattr(affinity_module, "MOST_PAIRS", 5_000)
    few = build_affinity_frame(world.histories, moments, PRODUCT)
    assert 0 < len(few.bought) < 8_000
    seen = [set(few.places[few.moments == t].tolist()) for t in moments]
    assert len(set.union(*seen)) > 1.5 * max(len(each) for each in seen), "others at each moment"
