"""Formulas of the policy: arithmetic on facts, for many customers at once, with nan for what is not known.

What is not known stays not known: a sum, a comparison or a quotient of it is nan, and so is a division by
zero. `and`, `or` and `not` follow Kleene's logic: what is false whatever the unknown part is, is false.
A formula reads names and computes; it can call nothing but the functions named here.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Read = Callable[[str], Floats]
MOST_CHARACTERS = 500


def _known(*parts: Any) -> Any:
    return ~np.isnan(sum(np.asarray(part, dtype=np.float64) for part in parts))


def _flag(parts: tuple[Any, ...], truth: Any) -> Any:
    return np.where(_known(*parts), truth, np.nan)


def _and(*parts: Any) -> Any:
    is_false = reduce(np.logical_or, [np.asarray(part) == 0 for part in parts])
    return np.where(is_false, 0.0, np.where(_known(*parts), 1.0, np.nan))


def _not(part: Any) -> Any:
    return _flag((part,), np.asarray(part) == 0)


def _or(*parts: Any) -> Any:
    return _not(_and(*(_not(part) for part in parts)))


def _divided(part: Any, whole: Any) -> Any:
    whole = np.asarray(whole, dtype=np.float64)
    return part / np.where(whole == 0, np.nan, whole)


def _where(condition: Any, then: Any, otherwise: Any) -> Any:
    return np.where(np.isnan(condition), np.nan, np.where(np.asarray(condition) != 0, then, otherwise))


def _first_known(*parts: Any) -> Any:
    found = np.asarray(parts[0], dtype=np.float64)
    for part in parts[1:]:
        found = np.where(np.isnan(found), part, found)
    return found


def _middle(*parts: Any) -> Any:
    one, two, three = parts
    return np.maximum(np.minimum(one, two), np.minimum(np.maximum(one, two), three))


# Name -> the function, and how many arguments it takes at least and at most.
FUNCTIONS: Mapping[str, tuple[Callable[..., Any], int, int]] = {
    "min": (lambda *parts: reduce(np.minimum, parts), 2, 9),
    "max": (lambda *parts: reduce(np.maximum, parts), 2, 9),
    "middle": (_middle, 3, 3),
    "where": (_where, 3, 3),
    "first_known": (_first_known, 2, 9),
    "is_known": (lambda part: np.where(np.isnan(part), 0.0, 1.0), 1, 1),
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: _divided,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: lambda a, b: _flag((a, b), a < b),
    ast.LtE: lambda a, b: _flag((a, b), a <= b),
    ast.Gt: lambda a, b: _flag((a, b), a > b),
    ast.GtE: lambda a, b: _flag((a, b), a >= b),
    ast.Eq: lambda a, b: _flag((a, b), a == b),
}


@dataclass(frozen=True)
class Formula:
    """A formula and the names it reads, in the order in which they stand."""

    text: str
    names: tuple[str, ...]
    tree: ast.expr

    def __call__(self, read: Read, customers: int) -> Floats:
        """One number a customer, nan where it is not known; shape (customers,)."""
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            found = np.asarray(_value(self.tree, read), dtype=np.float64)
        found = np.where(np.isfinite(found), found, np.nan)
        return found if found.shape == (customers,) else np.full(customers, found)


@lru_cache(maxsize=1024)
def parse(text: str) -> Formula:
    """ValueError says what in the text is no formula."""
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"a formula has at most {MOST_CHARACTERS} characters; name parts of it as measures")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ValueError(f"not a formula: {error}") from error
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    _refuse_others(tree)
    names = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in functions]
    return Formula(text, tuple(dict.fromkeys(names)), tree)


def _refuse_others(tree: ast.expr) -> None:
    for node in ast.walk(tree):
        says = _refusal(node)
        if says:
            raise ValueError(f"{says}; came {ast.unparse(node)}")


def _refusal(node: ast.AST) -> str:
    """What a formula would have in place of this part of its tree; "" where it may stand."""
    fits, says = False, "not known in a formula"
    match node:
        case ast.Call(func=ast.Name(id=name), args=parts, keywords=[]) if name in FUNCTIONS:
            _, least, most = FUNCTIONS[name]
            fits = least <= len(parts) <= most and not any(isinstance(part, ast.Starred) for part in parts)
            says = f"{name} takes {least} to {most} parts"
        case ast.Call():
            says = f"a formula knows {', '.join(FUNCTIONS)}"
        case ast.Constant(value=value):
            fits, says = type(value) in (int, float), "a formula holds numbers and names"
        case ast.Compare(ops=operators):
            fits = len(operators) == 1 and type(operators[0]) in _COMPARISONS
            says = "compare two things, with < <= > >= =="
        case ast.BinOp(op=operator):
            fits, says = type(operator) in _ARITHMETIC, "a formula computes with + - * /"
        case ast.UnaryOp(op=ast.USub() | ast.Not()) | ast.BoolOp() | ast.Name():
            fits = True
        case ast.expr_context() | ast.operator() | ast.cmpop() | ast.boolop() | ast.unaryop():
            fits = True
    return "" if fits else says


def _value(node: ast.AST, read: Read) -> Any:
    match node:
        case ast.Constant(value=value):
            found: Any = np.float64(value)  # type: ignore[arg-type]
        case ast.Name(id=name):
            found = read(name)
        case ast.BinOp(left=left, op=operator, right=right):
            found = _ARITHMETIC[type(operator)](_value(left, read), _value(right, read))
        case ast.UnaryOp(op=operator, operand=operand):
            part = _value(operand, read)
            found = -part if isinstance(operator, ast.USub) else _not(part)
        case ast.BoolOp(op=operator, values=parts):
            join = _and if isinstance(operator, ast.And) else _or
            found = join(*(_value(part, read) for part in parts))
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            found = _COMPARISONS[type(operator)](_value(left, read), _value(right, read))
        case ast.Call(func=ast.Name(id=name), args=parts):
            found = FUNCTIONS[name][0](*(_value(part, read) for part in parts))
    return found
