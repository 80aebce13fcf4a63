"""Texts as codes: the published hash, and lots that are fair and independent."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from tables.code import MISSING, code, codes, lots_of

# From the authors' reference: http://www.isthe.com/chongo/src/fnv/test_fnv.c (64 bit FNV-1a).
PUBLISHED = {
    "": 0xCBF29CE484222325,
    "a": 0xAF63DC4C8601EC8C,
    "b": 0xAF63DF4C8601F1A5,
    "foo": 0xDCB27518FED9D577,
    "foobar": 0x85944171F73967E8,
    "chongo was here!\n": 0x46810940EFF5F915,
}
IDS = np.array([f"C{number:06d}" for number in range(100_000)], dtype=object)


@pytest.mark.parametrize(("text", "expected"), PUBLISHED.items())
def test_a_code_is_the_published_fnv_1a(text: str, expected: int) -> None:
    assert code(text) % 2**64 == expected


def plain_fnv(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=20))
def test_a_text_has_the_same_code_alone_and_among_others_and_a_missing_one_has_none(
    texts: list[str | None],
) -> None:
    expected = [MISSING if text is None else plain_fnv(text) for text in texts]
    whole = pa.array(texts, pa.string())
    halves = pa.chunked_array([whole[: len(texts) // 2], whole[len(texts) // 2 :]])
    assert [each % 2**64 for each in codes(whole).tolist()] == expected
    assert [each % 2**64 for each in codes(halves).tolist()] == expected
    assert [each % 2**64 for each in codes(whole[1:]).tolist()] == expected[1:]


@pytest.mark.parametrize("salt", ["2026", "2027", "sample", "unseen", ""])
def test_lots_are_uniform(salt: str) -> None:
    lots = lots_of(IDS, salt)
    assert lots.min() >= 0
    assert lots.max() < 1
    counts = np.histogram(lots, bins=200, range=(0, 1))[0]
    expected = len(IDS) / 200
    assert ((counts - expected) ** 2 / expected).sum() < chi2.ppf(0.999, 199)


@pytest.mark.parametrize(("one", "other"), [("2026", "2027"), ("sample", "unseen"), ("a", "b")])
def test_lots_of_two_salts_are_independent(one: str, other: str) -> None:
    first, second = lots_of(IDS, one), lots_of(IDS, other)
    counts = np.histogram2d(first, second, bins=20, range=[(0, 1), (0, 1)])[0]
    expected = len(IDS) / 400
    assert ((counts - expected) ** 2 / expected).sum() < chi2.ppf(0.999, 399)


def test_a_lot_does_not_depend_on_who_else_draws() -> None:
    assert lots_of(IDS[500:501], "2026")[0] == lots_of(IDS, "2026")[500]
