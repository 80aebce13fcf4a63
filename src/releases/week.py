"""The week: every customer's row as of one moment in parts, one a bucket, and what online needs to go on."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from models.question import Question
from releases.home import WEEK_ABOUT
from releases.row import SCHEMA
from releases.signature import verify_signed
from tables.code import keys_of
from tables.refusal import Refused
from tables.sealed import canonical_json, read_manifest, verified

SCORES = "scores"


@dataclass(frozen=True)
class Part:
    """One Parquet file of a week: its rows, and the first and the last customer in it, by their keys."""

    file: str
    rows: int
    first: str
    last: str


@dataclass(frozen=True)
class Limit:
    """A limit of the week: its bound, its shadow price (minor units that one more unit of it is worth), and
    how much of it the choices are expected to use. Units: minor units of money, contacts, or redemptions."""

    name: str
    bound: float
    price: float
    used: float


@dataclass(frozen=True)
class WeekAbout:
    """What a week says of itself. Money in minor units; moment in microseconds; `gap`: the share of the
    expected net value that no other choice within the limits could add; `base` names the histories it was
    read from. `question` is what the churn probabilities answer, None of a week of before.
    Customers stand in the order of their ids, within parts and from part to part."""

    moment: int
    base: str
    bundle: str
    policy: str
    customers: int
    in_base: int
    limits: tuple[Limit, ...]
    gap: float
    churn_quantiles: tuple[float, ...]
    currency: str
    minor_units: int
    parts: tuple[Part, ...]
    question: Question | None = None


def write_part(folder: Path, number: int, rows: Iterable[pa.Table]) -> Part:
    """Write one part of a week, one row group a table."""
    path = folder / SCORES / f"part-{number:03}.parquet"
    path.parent.mkdir(exist_ok=True)
    count, first, last = 0, "", ""
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", write_page_checksum=True) as writer:
        for table in rows:
            writer.write_table(table)
            first = first if count else table["customer_id"][0].as_py()
            last = table["customer_id"][-1].as_py()
            count += table.num_rows
    return Part(f"{SCORES}/{path.name}", count, first, last)


def write_about(folder: Path, about: WeekAbout) -> None:
    """The last file of a week; sealing and signing are the caller's."""
    (folder / WEEK_ABOUT).write_text(canonical_json(asdict(about)), encoding="utf-8")


def read_week_about(folder: Path, key: bytes) -> WeekAbout:
    """Verify the week and say what it is."""
    verify_signed(folder, key)
    return _about(folder)


def read_week_rows(
    folder: Path, customer_ids: list[str] | None = None, columns: list[str] | None = None
) -> pa.Table:
    """The rows of all customers or of some, in the order of the base; all columns or some.

    What is read is verified against the manifest first; of some customers, only the parts they stand in.
    """
    found = list(week_parts(folder, customer_ids, columns))
    return pa.concat_tables(found) if found else SCHEMA.empty_table().select(columns or SCHEMA.names)


def week_parts(
    folder: Path, customer_ids: list[str] | None = None, columns: list[str] | None = None
) -> Iterator[pa.Table]:
    """The same part by part, for who goes through a large week."""
    manifest = read_manifest(folder)
    verified(folder, manifest, WEEK_ABOUT)
    keys = keys_of(pa.array(customer_ids or [], pa.string()))
    for part in _about(folder).parts:
        first, last = keys_of(pa.array([part.first, part.last]))
        inside = zip(customer_ids or (), (first <= keys) & (keys <= last), strict=True)
        wanted = [each for each, here in inside if here]
        if customer_ids is None or wanted:
            some = None if customer_ids is None else [("customer_id", "in", sorted(wanted))]
            yield read_part(verified(folder, manifest, part.file), some, columns)


def read_part(
    path: Path,
    filters: list[tuple[str, str, list[str]]] | None = None,
    columns: list[str] | None = None,
) -> pa.Table:
    """The rows of one file, or those that `filters` let through; Refused when it cannot be read."""
    try:
        return pq.read_table(
            path, columns=columns, filters=filters, schema=SCHEMA, page_checksum_verification=True
        )
    except (OSError, pa.ArrowException) as error:
        raise Refused(f"{path}: damaged ({error}); publish the week anew") from error


def _about(folder: Path) -> WeekAbout:
    try:
        about = json.loads((folder / WEEK_ABOUT).read_text(encoding="utf-8"))
        parts = tuple(Part(**part) for part in about["parts"])
        question = Question(**about["question"]) if about.get("question") else None
        quantiles = tuple(about["churn_quantiles"])
        limits = tuple(Limit(**limit) for limit in about["limits"])
        said = {"churn_quantiles": quantiles, "limits": limits, "parts": parts, "question": question}
        return WeekAbout(**{**about, **said})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(
            f"{folder / WEEK_ABOUT}: written by another version ({error!r}); run `holdfast score`"
        ) from error
