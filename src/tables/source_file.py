"""Files of a source as views: Parquet as it is, CSV as columns of text."""

import codecs
from collections.abc import Iterator
from pathlib import Path

import duckdb

from tables.engine import brief, identifier, literal
from tables.refusal import Refused
from tables.source_settings import FileSettings

CHUNK_BYTES = 1 << 20


def create_file_view(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    settings: FileSettings,
    paths: list[Path],
    passing: Path,
) -> None:
    """Create `view` on files that were `found`; CSV in another encoding passes through `passing`."""
    if paths[0].suffix == ".parquet":
        scan = f"read_parquet({_listed(paths)})"
    else:
        texts = [
            in_utf8(view, path, settings.encoding, passing / f"{view}-{number}.csv")
            for number, path in enumerate(paths)
        ]
        # Nothing is guessed from the first lines: a guess would turn the order 007 into 7, or take the
        # rows that start with # for comments.
        scan = (
            f"read_csv({_listed(texts)}, all_varchar = true, header = true, skip = 0, "
            f"delim = {literal(settings.delimiter)}, quote = {literal(settings.quote)}, "
            f"escape = {literal(settings.quote)}, comment = '', "
            f"nullstr = {literal(settings.missing)}, strict_mode = true)"
        )
    try:
        connection.execute(f"create view {identifier(view)} as select * from {scan}")
    except duckdb.Error as error:
        raise Refused(
            f"source.yaml, files, {view}: {settings.path} cannot be read: {brief(error)}\n"
            f"Expected Parquet, or CSV with one header line, the delimiter {settings.delimiter!r} and the "
            f"quote {settings.quote!r} (change them beside `path`)"
        ) from error


def found(view: str, pattern: str, raw: Path) -> list[Path]:
    """The files that match `pattern` below `raw`, sorted by name."""
    if Path(pattern).is_absolute():
        raise Refused(
            f"source.yaml, files, {view}: expected a path below the raw folder, came {pattern}; shorten it"
        )
    paths = sorted(path for path in raw.glob(pattern) if path.is_file())
    if not paths:
        raise Refused(
            f"source.yaml, files, {view}: expected {pattern} in the raw folder {raw}, found nothing; "
            "correct the path, or give the folder that holds the raw files"
        )
    for path in paths:
        if path.stat().st_size == 0:
            raise Refused(f"{path}: the file is empty; expected at least a header. Deliver it anew")
    kinds = {path.suffix == ".parquet" for path in paths}
    if len(kinds) > 1:
        raise Refused(
            f"source.yaml, files, {view}: {pattern} matches Parquet and other files; name them apart"
        )
    return paths


def in_utf8(view: str, path: Path, encoding: str, copy: Path) -> Path:
    """`path` if it is UTF-8 and said to be, else `copy` holding it in UTF-8; all of it is decoded."""
    try:
        is_utf8 = codecs.lookup(encoding).name == "utf-8"
    except LookupError as error:
        raise Refused(
            f"source.yaml, files, {view}: encoding {encoding!r} is unknown; expected a name such as "
            "utf-8, cp1252, gb18030 or utf-16"
        ) from error
    if is_utf8:
        for _ in _decoded(view, path, encoding):
            pass
        return path
    with copy.open("w", encoding="utf-8", newline="") as out:
        out.writelines(_decoded(view, path, encoding))
    return copy


def _decoded(view: str, path: Path, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    read = 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK_BYTES)
            try:
                yield decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                raise Refused(
                    f"{path}: expected {encoding}, but the byte {error.object[error.start]:#04x} near "
                    f"position {read + error.start:,} is none. Name the file's encoding in source.yaml: "
                    f"files: {{{view}: {{path: {path.name}, encoding: cp1252}}}} (cp1252: Western "
                    "European Windows and Excel; gb18030: Chinese; utf-16: Excel's Unicode text)"
                ) from error
            if not chunk:
                return
            read += len(chunk)


def _listed(paths: list[Path]) -> str:
    return "[" + ", ".join(literal(str(path)) for path in paths) + "]"
