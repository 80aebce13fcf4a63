"""A job that is told to end ends, whatever a library makes of it."""

import os
import signal

import pytest

from pipelines.running import Ended, stopping


def asked_as_by_duckdb() -> None:
    """A query in the middle of which the process is told to end."""
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except Ended:
        raise RuntimeError("Query interrupted") from None


def test_a_library_that_puts_its_own_error_in_place_of_the_signals_stops_no_less() -> None:
    with pytest.raises(Ended, match="SIGTERM") as ended, stopping():
        asked_as_by_duckdb()
    assert ended.value.code == 128 + signal.SIGTERM


def test_an_error_of_which_nobody_was_told_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="Query interrupted"), stopping():
        raise RuntimeError("Query interrupted")
