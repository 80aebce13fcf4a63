"""What a long benchmark has measured so far, so that an interrupted run goes on where it stopped."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Kept:
    """One JSON object a line: the key of a measurement and its figures. Without a path nothing is kept. The
    file knows nothing of the code that measured: begin another when that changes."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._figures: dict[str, Any] = {}
        if path is not None and path.exists():
            whole = path.read_text().rpartition("\n")[0]
            path.write_text(whole + "\n" if whole else "")  # a line cut off by the interruption goes
            for line in whole.splitlines():
                told = json.loads(line)
                self._figures[told["key"]] = told["figures"]

    def measured(self, key: str, measure: Callable[..., Any], *of: Any) -> Any:
        """The figures kept under `key`, or `measure(*of)`, which is then kept; only what JSON can hold."""
        if key not in self._figures:
            self._figures[key] = measure(*of)
            if self._path is not None:
                with self._path.open("a") as file:
                    file.write(json.dumps({"key": key, "figures": self._figures[key]}) + "\n")
        return self._figures[key]
