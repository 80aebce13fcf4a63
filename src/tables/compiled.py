"""Numba, set up once: compiled code is kept between processes, and never outlives the text it came from."""

import functools
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

SOURCES = Path(__file__).parent.parent


@functools.cache
def _text_hash() -> str:
    """Numba notices a change in a function's own file, but not in a file of a function that it calls.

    Compiled functions of the later rooms name nothing outside their own file, and so need no room here.
    """
    digest = hashlib.sha256(f"{numba.__version__} {sys.version_info}".encode())
    for room in ("tables", "features"):
        for path in sorted((SOURCES / room).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("NUMBA_CACHE_DIR") or Path(home) / "holdfast" / "compiled") / _text_hash()


numba.config.CACHE_DIR = str(cache_folder())


def compiled(function: Callable[..., Any]) -> Any:
    """Compile on first use. A division by zero gives inf or nan as in NumPy; no lock is held while it runs.

    What a notebook or a test defines is compiled too, but not kept. NUMBA_DISABLE_JIT=1 leaves plain Python.
    """
    return numba.njit(nogil=True, cache=is_kept(function), error_model="numpy")(function)


def is_kept(function: Callable[..., Any]) -> bool:
    """Whether the cache's name covers the function's text."""
    path = Path(function.__code__.co_filename)
    return path.is_relative_to(SOURCES) or path.parent == cache_folder()
