"""`holdfast check`: the incoming tables against the contract, then sorted into histories."""

import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.terminal import bar, grid
from releases.home import Home
from tables.checking import check_tables
from tables.refusal import Refused
from tables.sealed import canonical_json, point, pointed, sealed_folder, verify
from tables.sorting import write_histories


def check(home: Home, share: float) -> dict[str, Any]:
    """Raises Refused when a table cannot be used; the base of before then stays the current one."""
    incoming = home.current_incoming()
    verify(incoming)  # what came in whole may have been damaged where it lies
    shutil.rmtree(home.refused, ignore_errors=True)
    with bar("checking tables") as progress, sealed_folder(home.bases) as staged:
        progress(0, 2)
        report = check_tables(
            incoming, staged.path / "tables", home.refused, share=share, now=datetime.now(UTC)
        )
        if not report.usable:
            raise Unusable(asdict(report), home.refused)
        progress(1, 2)
        write_histories(staged.path / "tables", staged.path / "histories")
        (staged.path / "base.json").write_text(canonical_json({"incoming": incoming.name}))
        progress(2, 2)
    point(home.bases, staged.name)
    prune(home)
    return {**asdict(report), "base": staged.name, "refused_rows": str(home.refused)}


class Unusable(Refused):
    """The check's own report, for a base that cannot be used."""

    def __init__(self, report: dict[str, Any], refused: Path | str) -> None:
        worst = [name for name, table in report["tables"].items() if not table["usable"]]
        super().__init__(
            f"{', '.join(worst)}: more than {report['share']:.0%} of the rows are refused (or none holds); "
            f"the rows and their reasons are in {refused}. Mend the source, or allow more with --share"
        )
        self.report = report


def prune(home: Home) -> None:
    """Bases that nothing published was read from any more, and imports before the current one, go."""
    read_from = home.bases_in_use()
    for shelf, kept in ((home.bases, read_from), (home.incoming, set())):
        current = pointed(shelf)
        for folder in shelf.iterdir():
            if folder.is_dir() and folder != current and folder.name not in kept and folder.name[0] != ".":
                shutil.rmtree(folder)


def render(result: dict[str, Any]) -> list[Any]:
    tables = result["tables"]
    rows = [[name, t["rows"], t["hold"], t["refused"], t["repeated"]] for name, t in tables.items()]
    parts: list[Any] = [grid("Rows that hold", ["table", "rows", "hold", "refused", "repeated"], rows)]
    broken = [
        [name, rule, each["rows"], ", ".join(map(str, each["first"]))]
        for name, table in tables.items()
        for rule, each in table["broken"].items()
    ]
    if broken:
        parts.append(grid("Broken rules", ["table", "rule", "rows", "first row numbers"], broken))
    ignored = [[name, ", ".join(t["ignored"])] for name, t in tables.items() if t["ignored"]]
    if ignored:
        parts.append(grid("Columns the contract does not know", ["table", "columns"], ignored))
    return parts
