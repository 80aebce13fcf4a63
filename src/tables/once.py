"""What follows from a policy, a bundle or a list alone, worked out once and not for every customer."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
# A process knows few policies and bundles at a time (what is served, what replaces it, what a test made up),
# of a dozen parts each.
MOST = 64
_KEPT: list[dict[tuple[int, ...], Any]] = []


def once(function: Callable[P, T]) -> Callable[P, T]:
    """Results are kept for the very objects that were given, whose contents nobody changes.

    Policies and hundreds of names cannot be hashed quickly, and equal ones are rare; what is kept holds them,
    so that no other object takes their place in memory.
    """
    kept: dict[tuple[int, ...], tuple[object, T]] = {}
    _KEPT.append(kept)

    @wraps(function)
    def found(*args: P.args, **kwargs: P.kwargs) -> T:
        given = tuple(map(id, args))
        there = kept.get(given)
        if there is None:
            there = (args, function(*args, **kwargs))
            if len(kept) >= MOST:
                kept.clear()
            kept[given] = there
        return there[1]

    return found


def forget() -> None:
    """Let go of what was kept, with the policies and bundles that it holds; what is still used is worked out
    once more. For who goes on when they were replaced."""
    for kept in _KEPT:
        kept.clear()
