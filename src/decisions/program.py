"""A policy's measures as one program, run by a compiled loop: for one customer, and for millions.

One customer's measures, formula by formula, would be some hundred calls of NumPy. Numba keeps the compiled
loop as long as this file stays as it is, so all that the loop names stands here.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tables.compiled import compiled

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
# So few that what one step leaves is still near when the next one reads it.
ROWS_AT_ONCE = 256
ADD, SUBTRACT, MULTIPLY, DIVIDE, NEGATIVE = range(5)
LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL = range(5, 10)
AND, OR, NOT, WHERE, LEAST, MOST, FIRST_KNOWN, IS_KNOWN, FINITE, CONSTANT = range(10, 20)
KINDS = 2


class Program(NamedTuple):
    """Steps over registers, of which each holds a number a customer.

    steps: operation, target and three sources (0 where there are fewer), shape (steps, 5); sources are
    registers, but of CONSTANT a row of constants. The first registers are the inputs. constants: by kind of
    customer, the last for who has none, shape (constants, kinds + 1); outputs: the registers that are kept,
    in their order; registers: how many there are.
    """

    steps: Int64s
    constants: Floats
    outputs: Int64s
    registers: int


class Draft:
    """A program while it is written. named: the registers of inputs and of what was found from them; from
    `free` on they hold what nobody keeps."""

    def __init__(self, inputs: Sequence[str]) -> None:
        self.named = {name: place for place, name in enumerate(inputs)}
        self.free = len(self.named)
        self._most = self.free
        self._steps: list[tuple[int, ...]] = []
        self._constants: list[Sequence[float]] = []

    def new(self) -> int:
        """A register to be kept."""
        self.free += 1
        return self.free - 1

    def step(self, operation: int, into: int, *sources: int) -> int:
        self._steps.append((operation, into, *sources, *[0] * (3 - len(sources))))
        self._most = max(self._most, into + 1)
        return into

    def joined(self, operation: int, into: int, sources: Sequence[int]) -> int:
        """Two at a time, from the first on."""
        found = sources[0]
        for each in sources[1:]:
            found = self.step(operation, into, found, each)
        return found

    def number(self, by_kind: Sequence[float] | float, into: int) -> int:
        """One for all, or by kind, the last for who has none."""
        several = [by_kind] * (KINDS + 1) if isinstance(by_kind, float) else by_kind
        self._constants.append(several)
        return self.step(CONSTANT, into, len(self._constants) - 1)

    def finish(self, outputs: Sequence[int]) -> Program:
        return Program(
            np.array(self._steps, np.int64).reshape(-1, 5),
            np.array(self._constants, np.float64).reshape(-1, KINDS + 1),
            np.array(outputs, np.int64),
            max(self._most, self.free),
        )


def run(program: Program, inputs: Sequence[Floats], kind: npt.NDArray[np.int8]) -> Floats:
    """The program's outputs, shape (outputs, customers); kind: each customer's place among the kinds, -1 for
    who has none, shape (customers,)."""
    customers = len(kind)
    out = np.empty((len(program.outputs), customers))
    # One array of one kind, whatever the columns were cut out of: the loop is compiled once.
    whole = np.concatenate(inputs) if len(inputs) else np.empty(0)
    run_steps(program, whole.reshape(len(inputs), customers), kind, out)
    return out


@compiled
def flag(unknown: bool, truth: bool) -> Any:
    return np.nan if unknown else (1.0 if truth else 0.0)


@compiled
def run_steps(program: Any, inputs: Any, kind: Any, out: Any) -> None:  # noqa: PLR0912, PLR0915 one loop a step
    """Fill `out`, shape (outputs, customers), from `inputs`, shape (inputs, customers); kind: each customer's
    place among the kinds, -1 for who has none, shape (customers,)."""
    customers = len(kind)
    size = min(customers, ROWS_AT_ONCE)
    register = np.empty((program.registers, size))
    for start in range(0, customers, ROWS_AT_ONCE):
        n = min(ROWS_AT_ONCE, customers - start)
        for k in range(len(inputs)):
            for row in range(n):
                register[k, row] = inputs[k, start + row]
        for k in range(len(program.steps)):
            step = program.steps[k]
            operation, into = step[0], register[step[1]]
            if operation == CONSTANT:
                for row in range(n):
                    into[row] = program.constants[step[2], kind[start + row]]
                continue
            a, b, c = register[step[2]], register[step[3]], register[step[4]]
            for row in range(n):
                x, y = a[row], b[row]
                unknown = np.isnan(x) or np.isnan(y)
                if operation == ADD:
                    into[row] = x + y
                elif operation == SUBTRACT:
                    into[row] = x - y
                elif operation == MULTIPLY:
                    into[row] = x * y
                elif operation == DIVIDE:
                    into[row] = np.nan if y == 0.0 else x / y
                elif operation == NEGATIVE:
                    into[row] = -x
                elif operation == LESS:
                    into[row] = flag(unknown, x < y)
                elif operation == LESS_EQUAL:
                    into[row] = flag(unknown, x <= y)
                elif operation == GREATER:
                    into[row] = flag(unknown, x > y)
                elif operation == GREATER_EQUAL:
                    into[row] = flag(unknown, x >= y)
                elif operation == EQUAL:
                    into[row] = flag(unknown, x == y)
                elif operation == AND:
                    into[row] = 0.0 if x == 0.0 or y == 0.0 else flag(unknown, True)
                elif operation == OR:
                    yes = (x != 0.0 and not np.isnan(x)) or (y != 0.0 and not np.isnan(y))
                    into[row] = 1.0 if yes else flag(unknown, False)
                elif operation == NOT:
                    into[row] = flag(np.isnan(x), x == 0.0)
                elif operation == WHERE:
                    into[row] = np.nan if np.isnan(x) else (y if x != 0.0 else c[row])
                elif operation == LEAST:
                    into[row] = np.nan if unknown else min(x, y)
                elif operation == MOST:
                    into[row] = np.nan if unknown else max(x, y)
                elif operation == FIRST_KNOWN:
                    into[row] = y if np.isnan(x) else x
                elif operation == IS_KNOWN:
                    into[row] = 0.0 if np.isnan(x) else 1.0
                else:  # FINITE
                    into[row] = x if np.isfinite(x) else np.nan
        for k in range(len(program.outputs)):
            for row in range(n):
                out[k, start + row] = register[program.outputs[k], row]
