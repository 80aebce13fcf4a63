"""A shadow: what a challenger would have said in a published week, sealed beside it, never delivered.

No pointer names it and no reader of weeks looks here; it is for comparing once the outcomes are known.
"""

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from releases.home import Home
from releases.row import SCHEMA
from releases.signature import sign, verify_signed
from releases.week import SCORES
from tables.refusal import Refused
from tables.sealed import MANIFEST, canonical_json, sealed_folder

ABOUT = "shadow.json"
# As the week names them, so that both are read alike.
SHADOW_SCHEMA = pa.schema(
    [
        SCHEMA.field(name)
        for name in (
            "customer_id",
            "status",
            "churn_probability",
            "risk_band",
            "expected_value",
            "chosen_offer",
            "held_out",
        )
    ]
)


@dataclass(frozen=True)
class ShadowAbout:
    """week: the published week's folder; moment: microseconds; model, version: as registered; question: of
    the models, as plain words; prices: of the published week's limits, at which it chose; spent: what its
    choices would have cost, expected, minor units; customers: rows."""

    week: str
    moment: int
    model: str
    version: int
    run_id: str
    question: dict[str, Any]
    prices: dict[str, float]
    spent: float
    customers: int


def write_shadow(
    home: Home, key: bytes, parts: Iterable[pa.Table], about_of: Callable[[], ShadowAbout]
) -> Path:
    """Write the parts, a row group each, then what there is to say of them, which is asked for when they are
    written; returns the sealed folder."""
    with sealed_folder(home.shadows) as staged:
        (staged.path / SCORES).mkdir()
        with pq.ParquetWriter(
            staged.path / SCORES / "part-000.parquet",
            SHADOW_SCHEMA,
            compression="zstd",
            write_page_checksum=True,
        ) as writer:
            for part in parts:
                writer.write_table(part)
        (staged.path / ABOUT).write_text(canonical_json(asdict(about_of())), encoding="utf-8")
    sign(staged.path, key)
    return staged.path


def prune_shadows(home: Home) -> None:
    """Remove the shadows of weeks that are not kept any more."""
    for folder in home.shadows.glob("*"):
        try:
            week = str(json.loads((folder / ABOUT).read_text(encoding="utf-8"))["week"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if not (home.weeks / week).is_dir():
            shutil.rmtree(folder)


def shadows(home: Home, key: bytes) -> list[tuple[Path, ShadowAbout]]:
    """Every whole shadow, the oldest moment first; a damaged one is passed over, not trusted."""
    found = []
    for folder in home.shadows.glob("*"):
        if not (folder / MANIFEST).exists():
            continue
        try:
            verify_signed(folder, key)
            about = ShadowAbout(**json.loads((folder / ABOUT).read_text(encoding="utf-8")))
        except (Refused, OSError, ValueError, TypeError):
            continue
        found.append((folder, about))
    return sorted(found, key=lambda each: (each[1].moment, each[1].version))
