"""The contract's rules for what comes online: whoever waits is held against them together.

A query takes milliseconds, whether for one row or for a hundred.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tables.event_row import Rules, table_of

Row = Mapping[str, Any]


@dataclass(eq=False)
class _Waiting:
    table: str
    rows: Sequence[Row]
    latest: datetime
    broken: list[list[str]] | Exception | None = None


class Ruling:
    """For any number of threads."""

    def __init__(self) -> None:
        self._rules = Rules()
        self._queueing, self._judging = threading.Lock(), threading.Lock()
        self._waiting: list[_Waiting] = []

    def broken(self, table: str, rows: Sequence[Row], latest: datetime) -> list[list[str]]:
        """The rules that each row breaks, by name; latest: the last moment that is not in the future."""
        mine = _Waiting(table, rows, latest)
        with self._queueing:
            self._waiting.append(mine)
        with self._judging:
            # Whoever comes first judges for all who came meanwhile.
            if mine.broken is None:
                with self._queueing:
                    waiting, self._waiting = self._waiting, []
                for name in dict.fromkeys(each.table for each in waiting):
                    self._judge(name, [each for each in waiting if each.table == name])
        if isinstance(mine.broken, Exception):
            raise mine.broken
        assert mine.broken is not None
        return mine.broken

    def _judge(self, table: str, waiting: list[_Waiting]) -> None:
        try:
            rows = table_of(table, [row for each in waiting for row in each.rows])
            # Of moments that lie milliseconds apart the last: the inbox holds each against its own.
            found = iter(self._rules.broken(table, rows, max(each.latest for each in waiting)))
            for each in waiting:
                each.broken = [next(found) for _ in each.rows]
        except Exception as error:  # whatever it is, nobody shall wait for ever, or for what another one told
            if len(waiting) == 1:
                waiting[0].broken = error
            else:
                for each in waiting:
                    self._judge(table, [each])
