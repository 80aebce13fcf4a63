"""Formulas of the policy: arithmetic on facts, for many customers at once, with nan for what is not known.

What is not known stays not known: a sum, a comparison or a quotient of it is nan, and so is a division by
zero. `and`, `or` and `not` follow Kleene's logic: what is false whatever the unknown part is, is false.
A formula reads names and computes; it can call nothing but the functions named here.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from decisions import program
from decisions.program import Draft, Floats, run

Read = Callable[[str], Floats]
MOST_CHARACTERS = 500


# Name -> how many parts it takes, at least and at most.
FUNCTIONS: Mapping[str, tuple[int, int]] = {
    "min": (2, 9),
    "max": (2, 9),
    "middle": (3, 3),
    "where": (3, 3),
    "first_known": (2, 9),
    "is_known": (1, 1),
}
_PAIRED = {"min": program.LEAST, "max": program.MOST, "first_known": program.FIRST_KNOWN}
_ARITHMETIC: dict[type[ast.operator], int] = {
    ast.Add: program.ADD,
    ast.Sub: program.SUBTRACT,
    ast.Mult: program.MULTIPLY,
    ast.Div: program.DIVIDE,
}
_COMPARISONS: dict[type[ast.cmpop], int] = {
    ast.Lt: program.LESS,
    ast.LtE: program.LESS_EQUAL,
    ast.Gt: program.GREATER,
    ast.GtE: program.GREATER_EQUAL,
    ast.Eq: program.EQUAL,
}


@dataclass(frozen=True)
class Formula:
    """A formula and the names it reads, in the order in which they stand."""

    text: str
    names: tuple[str, ...]
    tree: ast.expr

    def __call__(self, read: Read, customers: int) -> Floats:
        """One number a customer, nan where it is not known; shape (customers,)."""
        draft = Draft(self.names)
        into = draft.new()
        self.write(draft, into)
        nobody = np.full(customers, -1, np.int8)
        found: Floats = run(draft.finish([into]), [read(name) for name in self.names], nobody)[0]
        return found

    def write(self, draft: Draft, into: int) -> None:
        """The steps that leave the formula in a register; what is infinite is not known."""
        draft.step(program.FINITE, into, _written(self.tree, draft, draft.free))


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
            least, most = FUNCTIONS[name]
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


def _written(node: ast.AST, draft: Draft, free: int) -> int:  # noqa: PLR0911 a return a kind of part
    """The register that holds a part of a formula; those from `free` on may be written over."""

    def parts_of(nodes: list[ast.expr]) -> list[int]:
        return [_written(part, draft, free + k) for k, part in enumerate(nodes)]

    match node:
        case ast.Constant(value=value):
            return draft.number(float(value), free)  # type: ignore[arg-type]
        case ast.Name(id=name):
            return draft.named[name]
        case ast.BinOp(left=left, op=operator, right=right):
            return draft.step(_ARITHMETIC[type(operator)], free, *parts_of([left, right]))
        case ast.UnaryOp(op=operator, operand=operand):
            sign = program.NEGATIVE if isinstance(operator, ast.USub) else program.NOT
            return draft.step(sign, free, *parts_of([operand]))
        case ast.BoolOp(op=operator, values=parts):
            return draft.joined(
                program.AND if isinstance(operator, ast.And) else program.OR, free, parts_of(parts)
            )
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            return draft.step(_COMPARISONS[type(operator)], free, *parts_of([left, right]))
        case ast.Call(func=ast.Name(id=name), args=parts):
            return _called(name, draft, free, parts_of(parts))
    raise AssertionError(f"no part of a formula: {ast.dump(node)}")


def _called(name: str, draft: Draft, free: int, parts: list[int]) -> int:
    if name in _PAIRED:
        return draft.joined(_PAIRED[name], free, parts)
    if name != "middle":
        return draft.step({"where": program.WHERE, "is_known": program.IS_KNOWN}[name], free, *parts)
    one, two, three = parts
    least, most = free + 3, free + 4
    draft.step(program.LEAST, least, one, two)
    draft.step(program.MOST, most, one, two)
    draft.step(program.LEAST, most, most, three)
    return draft.step(program.MOST, free, least, most)
