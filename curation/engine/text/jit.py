"""
One decorator for every compiled kernel: releases the GIL, keeps the machine code on disk, never stale.

Kernels get their arrays from the caller and allocate none: that switches off numba's reference counting, whose
atomic increments at each inlined call made word hashing four times slower. Array arguments of one kernel must be
read-only (or not) in all calls, or it is compiled again.
"""

import hashlib
import inspect
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numba
import numpy as np
from numba.core.caching import FunctionCache
from numba.extending import intrinsic as numba_intrinsic

F = TypeVar("F", bound=Callable[..., Any])
Array: TypeAlias = np.ndarray[Any, Any]
ZERO: Any = np.int64(0)  # where a plain 0 would compile the callee once more, for this constant
U64: TypeAlias = Any  # in a kernel: numpy.uint64, which must not meet int64 (numba makes a float of them)
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
_made_from: dict[int, frozenset[str]] = {}


class _KernelCache(FunctionCache):  # type: ignore[misc]
    """Numba's file cache notices a change of a kernel's own file only; this one also of what it calls."""

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        digest = hashlib.sha256()
        for path in sorted(_files(self._py_func)):
            digest.update(Path(path).read_bytes())
        return (*super()._index_key(sig, codegen), digest.hexdigest())


def _files(function: Callable[..., Any]) -> frozenset[str]:
    called = (function.__globals__.get(name) for name in function.__code__.co_names)
    return frozenset(
        {__file__, inspect.getfile(function)}.union(*(_made_from.get(id(one), ()) for one in called))
    )


def kernel(function: F) -> F:
    """Compiled at its first call, which takes seconds, once per machine where the cache can be written."""
    compiled = numba.njit(**_OPTIONS)(function)
    with suppress(RuntimeError):  # no folder can be written to: every process compiles for itself
        compiled._cache = _KernelCache(function)
    _made_from[id(compiled)] = _files(function)
    return cast(F, compiled)


def inlined(function: F) -> F:
    """A piece of a kernel: compiled into its callers by LLVM, no code of its own on disk."""
    compiled = numba.njit(**_OPTIONS, forceinline=True)(function)
    _made_from[id(compiled)] = _files(function)
    return cast(F, compiled)


def intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """A few LLVM instructions that numba has no Python spelling for."""
    made = numba_intrinsic(function)
    _made_from[id(made)] = _files(function)
    return cast(Callable[..., Any], made)
