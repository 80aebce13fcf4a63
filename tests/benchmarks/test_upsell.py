"""What up-sell is judged by: halves of a category, and the lists in which customers are ordered."""

import numpy as np
import pytest

from benchmarks.upsell import FACTS, Halves, Pairs, _cells, _compared, halves_at
from models.purchase import Purchases
from tables.moment import DAY

T = 1_000 * DAY


def lines(*rows: tuple[int, int, float, float, int]) -> Purchases:
    """(customer, category, paid, pieces, days before T)."""
    place, item, paid, pieces, ago = (np.array(each) for each in zip(*rows, strict=True))
    at = T - ago * DAY
    return Purchases(place, item, item, at, at // DAY, paid.astype(float), pieces.astype(float))


def test_a_category_is_cut_at_its_median_line_of_the_year_by_what_a_piece_cost() -> None:
    bought = lines(
        (1, 7, 100, 1, 5), (2, 7, 600, 3, 9), (3, 7, 900, 3, 20),  # 100, 200, 300 a piece
        (1, 8, 50, 1, 3),
        (3, 7, 9_000, 1, 400),  # a year ago and more
    )  # fmt: skip
    halves = halves_at(bought, T)
    assert halves.items.tolist() == [7, 8]
    assert halves.price.tolist() == [200.0, 50.0]
    asked = lines(
        (4, 7, 201, 1, 0), (4, 7, 200, 1, 0), (4, 7, 402, 2, 0), (4, 8, 50, 1, 0), (4, 9, 9_999, 1, 0)
    )
    assert halves.dearer(asked).amount.tolist() == [201.0, 402.0]  # of a category not known nothing is dear


def test_no_category_is_dear_where_nothing_is_known() -> None:
    halves = Halves(np.array([7]), np.array([10.0]))
    assert len(halves.dearer(lines((1, 8, 100, 1, 0))).item) == 0


def pairs(customers: int, items: int) -> Pairs:
    place, item = (each.ravel() for each in np.meshgrid(np.arange(customers), np.arange(items)))
    bought = (place % 10 == item % 10).astype(float)
    number = len(place)
    return Pairs(
        np.zeros((number, len(FACTS))), bought, np.zeros(number, dtype=bool), place, item, np.zeros(number)
    )


def test_customers_are_ordered_within_a_category_and_never_across() -> None:
    """A ranker that only knows which categories sell is as good as a coin."""
    asked = pairs(200, 3)
    perfect = asked.bought.copy()
    across = asked.items.astype(float)
    told = _compared(asked, {"holdfast": perfect, "category": across}, np.ones(600, dtype=bool))
    assert told["cells"] == told["categories"] == 3
    assert told["figures"]["auc"]["holdfast"].value == 1.0
    assert told["figures"]["auc"]["category"].value == pytest.approx(0.5)
    assert told["figures"]["lift_at_10"]["holdfast"].value == pytest.approx(10.0)
    assert told["figures"]["lift_at_10"]["category"].value == pytest.approx(1.0)
    assert told["ahead"]["auc"]["category"].low > 0.4


def test_lists_that_say_nothing_of_an_order_are_left_out() -> None:
    few, enough = pairs(49, 1), pairs(60, 1)
    assert _cells(few, np.ones(49, dtype=bool)) == []
    assert len(_cells(enough, np.ones(60, dtype=bool))) == 1
    nobody = enough._replace(bought=np.zeros(60))
    assert _cells(nobody, np.ones(60, dtype=bool)) == []
