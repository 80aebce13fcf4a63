"""Small arrays that cost nothing to make: a family runs millions of times, and an allocation is most of it.

With NUMBA_DISABLE_JIT=1 they are ordinary arrays.
"""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from features.family import inner

ON_STACK = 128  # so many numbers at most; a longer array comes from the heap
_NUMBERS = types.Array(types.int64, 1, "C")


def zeros(n: int) -> Any:
    """An int64 array of zeros, shape (n,), for the function that asks for it and those it calls.

    It lies on the stack of that function, which must therefore not return it.
    """
    return np.zeros(n, np.int64)


def unowned(array: Any) -> Any:
    """The same array without a count of its owners; somebody else must hold it as long as it is used."""
    return array


@inner
def sort(numbers: Any) -> None:
    """In place; few numbers, as most customers have, are sorted by insertion."""
    if len(numbers) > ON_STACK:
        numbers.sort()
        return
    for i in range(1, len(numbers)):
        moved, k = numbers[i], i
        while k > 0 and numbers[k - 1] > moved:
            numbers[k] = numbers[k - 1]
            k -= 1
        numbers[k] = moved


if not numba.config.DISABLE_JIT:

    def _zeros_on_heap(n: int) -> Any:
        return np.zeros(n, np.int64)

    @intrinsic
    def zeros(typing: Any, n: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            n = context.cast(builder, args[0], signature.args[0], types.intp)
            small = cgutils.alloca_once(builder, ir.ArrayType(ir.IntType(64), ON_STACK))
            made = cgutils.alloca_once(builder, context.get_value_type(_NUMBERS))
            fits = builder.icmp_signed("<=", n, n.type(ON_STACK))
            with builder.if_else(fits) as (then, otherwise):
                with then:
                    size = builder.mul(n, n.type(8))
                    cgutils.memset(builder, small, size, 0)
                    array = make_array(_NUMBERS)(context, builder)
                    data = builder.bitcast(small, array.data.type)
                    populate_array(
                        array, data=data, shape=[n], strides=[n.type(8)], itemsize=n.type(8), meminfo=None
                    )
                    builder.store(array._getvalue(), made)
                with otherwise:
                    heap = context.compile_internal(builder, _zeros_on_heap, _NUMBERS(types.intp), [n])
                    builder.store(heap, made)
            return builder.load(made)

        return _NUMBERS(n), code

    @intrinsic
    def unowned(typing: Any, array: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            found = make_array(signature.args[0])(context, builder, args[0])
            found.meminfo = cgutils.get_null_value(found.meminfo.type)
            found.parent = cgutils.get_null_value(found.parent.type)
            return found._getvalue()

        return array(array), code
