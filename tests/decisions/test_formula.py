"""Formulas: what they compute, what they do not know, and what they refuse."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.formula import parse

NAN = float("nan")


def value(text: str, **columns: Any) -> float:
    return float(parse(text)(lambda name: np.array([columns[name]], dtype=float), 1)[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7.0),
        ("-(a - 5) / 2", 1.0),
        ("min(a, 2, 9)", 2.0),
        ("max(0, a - 10)", 0.0),
        ("middle(1, a, 9)", 3.0),
        ("where(a > 2, 10, 20)", 10.0),
        ("where(a == 3 and b == 4, 1, 0)", 1.0),
        ("not a > 2 or b < 5", 1.0),
        ("500_000_00", 50_000_000.0),
    ],
)
def test_a_formula_computes(text: str, expected: float) -> None:
    assert value(text, a=3, b=4) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("u + 1", NAN),
        ("u > 1", NAN),
        ("a / 0", NAN),
        ("max(u, 5)", NAN),
        ("middle(1, 2, u)", NAN),
        ("a > 5 and u > 1", 0.0),  # false, whatever u is
        ("a > 1 and u > 1", NAN),
        ("a > 1 or u > 1", 1.0),  # true, whatever u is
        ("a > 5 or u > 1", NAN),
        ("not u", NAN),
        ("where(a > 1, 7, u)", 7.0),  # the branch not taken may be unknown
        ("where(u > 1, 7, 7)", NAN),
        ("first_known(u, a)", 3.0),
        ("first_known(u, u)", NAN),
        ("is_known(u)", 0.0),
        ("is_known(a)", 1.0),
    ],
)
def test_what_is_not_known_stays_unknown(text: str, expected: float) -> None:
    found = value(text, a=3, u=NAN)
    assert found == expected or (math.isnan(found) and math.isnan(expected))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("__import__('os').getcwd()", "a formula knows min, max"),
        ("open('x')", "a formula knows"),
        ("a.b", "not known in a formula"),
        ("[a]", "not known in a formula"),
        ("lambda: a", "not known in a formula"),
        ("'text'", "numbers and names"),
        ("True", "numbers and names"),
        ("a ** 9", r"computes with \+ - \* /"),
        ("0 < a < 5", "compare two things"),
        ("a != 5", "compare two things"),
        ("~a", "not known in a formula"),
        ("max(a)", "max takes 2 to 9 parts"),
        ("max(*a, b)", "max takes"),
        ("where(a, b)", "where takes 3 to 3 parts"),
        ("min(a, b=1)", "a formula knows"),
        ("a +", "not a formula"),
        ("a = 1", "not a formula"),
        ("", "not a formula"),
        ("1+" * 400 + "1", "at most 500 characters"),
    ],
)
def test_what_is_no_formula_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse(text)


def test_names_are_told_once_and_without_functions() -> None:
    assert parse("max(a, b) + a * min(c, 2)").names == ("a", "b", "c")


numbers = st.integers(-50, 50)
known = st.recursive(
    st.one_of(numbers.map(str), st.sampled_from(["a", "b"])),
    lambda part: st.one_of(
        st.tuples(part, st.sampled_from(["+", "-", "*"]), part).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(st.sampled_from(["min", "max"]), part, part).map(lambda p: f"{p[0]}({p[1]}, {p[2]})"),
        part.map(lambda p: f"(-{p})"),
    ),
    max_leaves=8,
)


@given(known, numbers, numbers)
def test_arithmetic_is_pythons(text: str, a: int, b: int) -> None:
    expected = eval(text, {"__builtins__": {}}, {"a": a, "b": b, "min": min, "max": max})
    assert value(text, a=a, b=b) == expected


@given(st.lists(st.sampled_from([0.0, 1.0, NAN]), min_size=2, max_size=2), st.sampled_from(["and", "or"]))
def test_logic_is_kleenes(parts: list[float], word: str) -> None:
    """The answer is known exactly where every completion of the unknown parts gives it."""
    completions = [[part] if not math.isnan(part) else [0.0, 1.0] for part in parts]
    join = all if word == "and" else any
    answers = {float(join([a, b])) for a in completions[0] for b in completions[1]}
    found = value(f"a {word} b", a=parts[0], b=parts[1])
    assert (found == answers.pop()) if len(answers) == 1 else math.isnan(found)
