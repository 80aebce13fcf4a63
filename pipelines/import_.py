"""`holdfast import`: raw data becomes incoming tables, by the source of that name."""

from pathlib import Path
from typing import Any

from pipelines.configuration import configuration
from pipelines.terminal import bar, grid
from releases.home import Home
from tables.refusal import Refused
from tables.sealed import point, sealed_folder
from tables.source import import_source


def import_(home: Home, name: str, raw: Path | None) -> dict[str, Any]:
    source = source_of_name(name)
    with sealed_folder(home.incoming) as staged, bar(f"importing {name}") as progress:
        report = import_source(source, raw, staged.path, lambda _, rows: progress(rows, rows))
    point(home.incoming, staged.name)
    return {
        "incoming": str(staged.path),
        "source": name,
        "rows": report.rows,
        "counted": report.base.counted,
    }


def source_of_name(name: str) -> Path:
    """The folder of a source; Refused names those that there are."""
    sources = configuration() / "sources"
    source = sources / name
    if not (source / "source.yaml").exists():
        known = ", ".join(sorted(path.parent.name for path in sources.glob("*/source.yaml")))
        raise Refused(f"{source}: no such source; there are {known}. To write one, see docs/sources.md")
    return source


def render(result: dict[str, Any]) -> list[Any]:
    rows = [[name, count] for name, count in result["rows"].items()]
    parts: list[Any] = [grid(f"Imported {result['source']}", ["table", "rows"], rows)]
    if result["counted"]:
        left_out = [[what, count] for what, count in result["counted"].items()]
        parts.append(grid("Counted, not used", ["what", "rows"], left_out))
    return parts
