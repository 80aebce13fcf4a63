"""The rows of a week: what the CRM gets of one customer, in two steps around the budget's price.

What a price cannot change (scores, bands, reasons) is known while customers are assessed, bucket by bucket;
what it can (the choice, and why) is added when everybody was. So are segments: what they are held against
may be frozen from everybody.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from decisions.assess import IN_BASE, Assessment, Told
from decisions.choice import NOTHING, Choices
from decisions.policy import Policy
from decisions.slot import NO_SLOT
from decisions.standing import Standing
from decisions.why import WORDS, Why
from models.frame import HORIZONS
from models.reason import Money, texts
from releases.policy import FrozenPolicy
from releases.segment_column import SEGMENT_FIELDS, picked, segment_columns
from tables.contract import CONTACT_CHANNELS
from tables.history import Histories

BEST_OFFERS = 3
# Null where the bundle does not tell the horizon.
BY_HORIZON = {f"churn_probability_{days}d": days for days in HORIZONS}

SCHEMA = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("churn_probability", pa.float64()),
        *(pa.field(name, pa.float64()) for name in BY_HORIZON),
        pa.field("risk_band", pa.string()),
        pa.field("risk_band_zh", pa.string()),
        pa.field("expected_value", pa.float64()),
        pa.field("value_low", pa.float64()),
        pa.field("value_high", pa.float64()),
        pa.field("chosen_offer", pa.string()),
        pa.field("chosen_channel", pa.string()),
        pa.field("chosen_slot", pa.string()),
        pa.field("chosen_slot_zh", pa.string()),
        pa.field("propensity", pa.float64()),
        pa.field("held_out", pa.bool_(), nullable=False),
        pa.field("held_back_offer", pa.string()),
        *(
            pa.field(f"offer_{k}{part}", pa.float64() if part == "_net_value" else pa.string())
            for k in range(1, BEST_OFFERS + 1)
            for part in ("", "_net_value", "_why", "_why_zh")
        ),
        pa.field("reasons", pa.list_(pa.string())),
        pa.field("reasons_zh", pa.list_(pa.string())),
        *SEGMENT_FIELDS,
        pa.field("moment", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("bundle", pa.string(), nullable=False),
        pa.field("policy", pa.string(), nullable=False),
    ]
)
# What is known before the price is.
ASSESSED = pa.schema(
    [
        SCHEMA.field(name)
        for name in (
            "customer_id",
            "status",
            "churn_probability",
            *BY_HORIZON,
            "risk_band",
            "risk_band_zh",
            "expected_value",
            "value_low",
            "value_high",
            "held_out",
            "reasons",
            "reasons_zh",
        )
    ]
)
# Rows that are chosen for and written together: a row group, the least that a reader has to decode.
ROWS_AT_ONCE = 16_384


def assessed_rows(
    histories: Histories, assessment: Assessment, told: Told, policy: Policy, horizon_days: tuple[int, ...]
) -> pa.Table:
    """The columns of ASSESSED for the customers assessed, in their order; horizon_days: of their outlook."""
    scores = assessment.scores
    inside = assessment.status == IN_BASE
    edges = np.array([band.below for band in policy.risk_bands])
    band = np.searchsorted(edges, scores.churn, side="right")
    english, chinese = _reasons(histories, assessment, told, inside)
    columns: dict[str, Any] = {
        "customer_id": assessment.who.ids,
        "status": assessment.status,
        "churn_probability": _or_null(scores.churn),
        **_by_horizon(told, horizon_days),
        "risk_band": picked([band.name for band in policy.risk_bands], band, inside),
        "risk_band_zh": picked([band.chinese for band in policy.risk_bands], band, inside),
        "expected_value": _or_null(scores.value),
        "value_low": _or_null(told.outlook.value_low),
        "value_high": _or_null(told.outlook.value_high),
        "held_out": assessment.who.held_out,
        "reasons": english,
        "reasons_zh": chinese,
    }
    return pa.table({name: columns[name] for name in ASSESSED.names}, schema=ASSESSED)


def _by_horizon(told: Told, horizon_days: tuple[int, ...]) -> dict[str, pa.Array]:
    by_horizon = told.outlook.by_horizon
    nothing = pa.nulls(len(by_horizon), pa.float64())
    return {
        name: _or_null(by_horizon[:, horizon_days.index(days)]) if days in horizon_days else nothing
        for name, days in BY_HORIZON.items()
    }


def week_rows(
    assessed: pa.Table, standing: Standing, choices: Choices, frozen: FrozenPolicy, bundle: str, t: int
) -> pa.Table:
    """The rows of the week: what was assessed, where the same customers stand, what was chosen for them."""
    count = assessed.num_rows
    rows = np.arange(count)
    columns = {name: assessed[name] for name in ASSESSED.names}
    given = choices.chosen != NOTHING
    ids = [offer.offer_id for offer in frozen.offers]
    columns["chosen_offer"] = picked(ids, choices.chosen, given)
    channel = choices.channel[rows, choices.chosen] if ids else choices.chosen
    columns["chosen_channel"] = picked(list(CONTACT_CHANNELS), channel, given)
    slots, spoken = frozen.policy.slots, choices.slot != NO_SLOT
    columns["chosen_slot"] = picked([slot.name for slot in slots], choices.slot, spoken)
    columns["chosen_slot_zh"] = picked([slot.chinese for slot in slots], choices.slot, spoken)
    columns["propensity"] = _or_null(choices.propensity)
    columns["held_back_offer"] = picked(ids, choices.held_back, choices.held_back != NOTHING)
    columns |= _best_offers(choices, ids)
    segments = standing.segments(frozen.policy, frozen.frozen)
    columns |= segment_columns(frozen.policy, segments, standing.since)
    columns["moment"] = pa.repeat(pa.scalar(t, pa.timestamp("us", "UTC")), count)
    columns["bundle"] = pa.repeat(bundle, count)
    columns["policy"] = pa.repeat(frozen.name, count)
    return pa.table({name: columns[name] for name in SCHEMA.names}, schema=SCHEMA)


def _best_offers(choices: Choices, ids: list[str]) -> dict[str, Any]:
    """The offers by expected net value, the chosen one first, with why or why not."""
    customers, offers = choices.net_value.shape
    value = np.where(choices.why == Why.CHOSEN, np.inf, np.nan_to_num(choices.net_value, nan=-np.inf))
    best = np.argsort(-value, axis=1, kind="stable")
    rows, everyone = np.arange(customers), np.ones(customers, dtype=bool)
    columns: dict[str, Any] = {}
    for k in range(BEST_OFFERS):
        name = f"offer_{k + 1}"
        if k >= offers:
            none = pa.nulls(customers)
            columns |= {f"{name}{part}": none for part in ("", "_net_value", "_why", "_why_zh")}
            continue
        place = best[:, k]
        why = choices.why[rows, place]
        columns[name] = picked(ids, place, everyone)
        columns[f"{name}_net_value"] = _or_null(choices.net_value[rows, place])
        columns[f"{name}_why"] = picked([WORDS[each][0] for each in Why], why, everyone)
        columns[f"{name}_why_zh"] = picked([WORDS[each][1] for each in Why], why, everyone)
    return columns


def _reasons(
    histories: Histories, assessment: Assessment, told: Told, inside: npt.NDArray[np.bool_]
) -> list[pa.ListArray]:
    """English and Chinese; null outside the base."""
    facts = assessment.facts
    money = Money(histories.currency, histories.minor_units)
    outside = pa.array(~inside)
    return [
        pa.ListArray.from_arrays(each.offsets, each.values, mask=outside)
        for each in texts(told.words, facts.values, facts.names, money)
    ]


def _or_null(values: Any) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)
