"""How jobs speak: results (tables, or one JSON object) on standard output, bars on standard error."""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

# In a notebook too the bar is text: its widget would need another package.
errors = Console(stderr=True, force_jupyter=False)


def show(result: dict[str, Any], as_json: bool, render: Callable[[dict[str, Any]], list[Any]]) -> None:
    """Print a job's result: exactly one JSON object with --json, else what `render` makes of it."""
    if as_json:
        print(json.dumps(_plain(result), ensure_ascii=False, allow_nan=False))
        return
    console = Console()
    for part in render(result):
        console.print(part)


def say(line: str) -> None:
    """A line for people, beside the bars."""
    errors.print(line, highlight=False, markup=False, soft_wrap=True)


def grid(title: str, header: list[str], rows: list[list[Any]]) -> Table:
    """A table; figures stand on the right."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for k, name in enumerate(header):
        table.add_column(name, justify="left" if k == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*(each if isinstance(each, str) else f"{each:,}" for each in row))
    return table


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar with the time left; the caller tells it (done, total)."""
    columns = (
        TextColumn("{task.description:<22}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=errors) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _plain(value: Any) -> Any:
    """JSON knows no nan: a figure that could not be computed is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
