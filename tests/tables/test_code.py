"""Texts as codes: the published hash, and lots that are fair and independent."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from tables.code import MISSING, code, codes, find, keys_of, lots_of

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


def plain_spread(value: int) -> int:
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ value >> 27) * 0x94D049BB133111EB % 2**64
    return value ^ value >> 31


any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.none() | any_text, max_size=20))
def test_a_text_has_the_same_code_alone_and_among_others_and_a_missing_one_has_none(
    texts: list[str | None],
) -> None:
    expected = [MISSING if text is None else plain_fnv(text) for text in texts]
    whole = pa.array(texts, pa.string())
    halves = pa.chunked_array([whole[: len(texts) // 2], whole[len(texts) // 2 :]])
    assert [each % 2**64 for each in codes(whole).tolist()] == expected
    assert [each % 2**64 for each in codes(halves).tolist()] == expected
    assert [each % 2**64 for each in codes(whole[1:]).tolist()] == expected[1:]
    assert [each % 2**64 for each in codes(whole.cast(pa.large_string())[1:]).tolist()] == expected[1:]


@given(st.lists(st.none() | any_text, max_size=20), any_text)
def test_a_lot_is_the_spread_code_of_the_salt_and_the_text(texts: list[str | None], salt: str) -> None:
    whole = [MISSING if text is None else plain_fnv(f"{salt}|{text}") for text in texts]
    expected = [(plain_spread(each) >> 11) / 2**53 for each in whole]
    assert lots_of(np.array([*texts, None], object)[:-1], salt).tolist() == expected


@given(st.lists(any_text, unique=True, max_size=20), st.lists(any_text, max_size=5))
def test_a_text_is_found_among_those_in_the_order_of_their_keys(texts: list[str], others: list[str]) -> None:
    keys = keys_of(pa.array(texts, pa.string()))
    assert keys.tolist() == [plain_spread(plain_fnv(text)) for text in texts]
    order = np.argsort(keys, kind="stable")
    ids = [texts[k] for k in order]
    wanted = [*others, *texts]
    expected = [ids.index(each) if each in ids else -1 for each in wanted]
    assert find(pa.array(ids, pa.string()), keys[order], wanted).tolist() == expected


def test_texts_that_share_a_key_are_told_apart() -> None:
    same = np.repeat(keys_of(pa.array(["b"])), 1)
    assert find(pa.array(["a"]), same, ["b"]).tolist() == [-1]
    assert find(pa.array(["ba"]), same, ["b"]).tolist() == [-1]
    assert find(pa.array([""]), same, ["b"]).tolist() == [-1]
    assert find(pa.array(["b"]), same, ["b"]).tolist() == [0]


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
