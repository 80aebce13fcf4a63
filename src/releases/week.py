"""The week: every customer's scores, choice and reasons as of one moment, and what online needs to go on."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from decisions.assess import IN_BASE, Assessment
from decisions.choice import NOTHING, WORDS, Choices, Why
from models.reason import Money, texts
from releases.home import WEEK_ABOUT
from releases.policy import FrozenPolicy
from releases.signature import verify_signed
from tables.contract import CONTACT_CHANNELS
from tables.history import Histories
from tables.sealed import canonical_json

BEST_OFFERS = 3
SCORES = "scores.parquet"


@dataclass(frozen=True)
class WeekAbout:
    """What a week says of itself. Money in minor units; moment in microseconds; `price` is the shadow price
    of the budget, `remaining` what is left of it; `base` names the histories it was read from."""

    moment: int
    base: str
    bundle: str
    policy: str
    customers: int
    in_base: int
    price: float
    spent: float
    remaining: float
    churn_quantiles: tuple[float, ...]
    currency: str
    minor_units: int


SCHEMA = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("churn_probability", pa.float64()),
        pa.field("risk_band", pa.string()),
        pa.field("risk_band_zh", pa.string()),
        pa.field("expected_value", pa.float64()),
        pa.field("chosen_offer", pa.string()),
        pa.field("chosen_channel", pa.string()),
        pa.field("held_out", pa.bool_(), nullable=False),
        *(
            pa.field(f"offer_{k}{part}", pa.float64() if part == "_net_value" else pa.string())
            for k in range(1, BEST_OFFERS + 1)
            for part in ("", "_net_value", "_why", "_why_zh")
        ),
        pa.field("reasons", pa.list_(pa.string())),
        pa.field("reasons_zh", pa.list_(pa.string())),
        pa.field("moment", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("bundle", pa.string(), nullable=False),
        pa.field("policy", pa.string(), nullable=False),
    ]
)


def week_rows(
    histories: Histories,
    assessment: Assessment,
    choices: Choices,
    frozen: FrozenPolicy,
    bundle: str,
    t: int,
) -> pa.Table:
    """The rows of the week for the customers assessed, in their order."""
    scores, facts = assessment.scores, assessment.facts
    inside = assessment.status == IN_BASE
    bands = [
        frozen.policy.band_of(p) if known else None
        for p, known in zip(scores.churn.tolist(), inside.tolist(), strict=True)
    ]
    ids = np.array([offer.offer_id for offer in frozen.offers] + [None], dtype=object)
    channels = np.array([*CONTACT_CHANNELS, None], dtype=object)
    rows = np.arange(len(facts.places))
    chosen = choices.chosen
    columns: dict[str, Any] = {
        "customer_id": histories.ids[facts.places],
        "status": assessment.status,
        "churn_probability": _or_null(scores.churn),
        "risk_band": [band and band.name for band in bands],
        "risk_band_zh": [band and band.chinese for band in bands],
        "expected_value": _or_null(scores.value),
        "chosen_offer": ids[chosen],
        "chosen_channel": channels[choices.channel[rows, chosen]] if len(ids) > 1 else ids[chosen],
        "held_out": assessment.held_out,
    }
    if len(ids) > 1:
        columns["chosen_channel"][chosen == NOTHING] = None
    columns |= _best_offers(choices, ids)
    columns["reasons"], columns["reasons_zh"] = _reasons(histories, assessment, inside)
    columns["moment"] = pa.repeat(pa.scalar(t, pa.timestamp("us", "UTC")), len(rows))
    columns["bundle"] = pa.repeat(bundle, len(rows))
    columns["policy"] = pa.repeat(frozen.name, len(rows))
    return pa.table({name: columns[name] for name in SCHEMA.names}, schema=SCHEMA)


def _best_offers(choices: Choices, ids: Any) -> dict[str, Any]:
    """The offers by expected net value, the chosen one first, with why or why not."""
    customers, offers = choices.net_value.shape
    english = np.array([WORDS[why][0] for why in Why], dtype=object)
    chinese = np.array([WORDS[why][1] for why in Why], dtype=object)
    value = np.where(choices.why == Why.CHOSEN, np.inf, np.nan_to_num(choices.net_value, nan=-np.inf))
    best = np.argsort(-value, axis=1, kind="stable")
    columns: dict[str, Any] = {}
    for k in range(BEST_OFFERS):
        name = f"offer_{k + 1}"
        if k >= offers:
            none = pa.nulls(customers)
            columns |= {f"{name}{part}": none for part in ("", "_net_value", "_why", "_why_zh")}
            continue
        place = best[:, k]
        why = choices.why[np.arange(customers), place]
        columns[name] = ids[place]
        columns[f"{name}_net_value"] = _or_null(choices.net_value[np.arange(customers), place])
        columns[f"{name}_why"] = english[why]
        columns[f"{name}_why_zh"] = chinese[why]
    return columns


def _reasons(histories: Histories, assessment: Assessment, inside: Any) -> list[pa.ListArray]:
    """English and Chinese; null outside the base."""
    facts = assessment.facts
    money = Money(histories.currency, histories.minor_units)
    outside = pa.array(~inside)
    return [
        pa.ListArray.from_arrays(each.offsets, each.values, mask=outside)
        for each in texts(assessment.words, facts.values, facts.names, money)
    ]


def _or_null(values: Any) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)


def write_week(folder: Path, rows: Iterator[pa.Table], about: WeekAbout) -> None:
    """Write the files of a week; sealing and signing are the caller's."""
    with pq.ParquetWriter(folder / SCORES, SCHEMA, compression="zstd", write_page_checksum=True) as writer:
        for table in rows:
            writer.write_table(table)
    (folder / WEEK_ABOUT).write_text(canonical_json(asdict(about)), encoding="utf-8")


def read_week_about(folder: Path, key: bytes) -> WeekAbout:
    """Verify the week and say what it is."""
    verify_signed(folder, key)
    about = json.loads((folder / WEEK_ABOUT).read_text(encoding="utf-8"))
    return WeekAbout(**{**about, "churn_quantiles": tuple(about["churn_quantiles"])})


def read_week_rows(folder: Path, customer_ids: list[str] | None = None) -> pa.Table:
    """The rows of a verified week, of all customers or of some."""
    table = pq.read_table(folder / SCORES, page_checksum_verification=True)
    if customer_ids is None:
        return table
    return table.filter(pc.is_in(table["customer_id"], pa.array(customer_ids, pa.string())))
