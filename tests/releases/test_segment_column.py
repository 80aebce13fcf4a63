"""The week's columns of segments against a plain loop over customers."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from decisions.freezing import freeze, inputs
from decisions.frozen import NOTHING_FROZEN
from decisions.known import Known
from decisions.policy import Policy, read_policy
from decisions.segment import Segments, segments
from releases.segment_column import SEGMENT_FIELDS, segment_columns

CUSTOMERS = 600
SINCE = 1_700_000_000_000_000 + np.arange(CUSTOMERS) * 1_000_001


@pytest.fixture(scope="module")
def shipped(root: Path) -> Policy:
    return read_policy(root / "config/policy.yaml")


@pytest.fixture(scope="module")
def known(shipped: Policy) -> Known:
    """Of each fact a tenth is not known, the kind of a customer neither."""
    rng = np.random.default_rng(11)
    columns = {name: rng.gamma(1.0, 3.0, CUSTOMERS).round(2) for name in inputs(shipped)}
    columns |= {
        "is_b2b": (rng.random(CUSTOMERS) < 0.3).astype(float),
        "spend_364d": rng.choice([50_000.0, 300_000.0, 90_000_000.0, 600_000_000.0], CUSTOMERS),
        "churn_probability": rng.random(CUSTOMERS),
    }
    for column in columns.values():
        column[rng.random(CUSTOMERS) < 0.1] = np.nan
    return Known(CUSTOMERS, columns)


@pytest.fixture(scope="module")
def stage() -> Any:
    return np.random.default_rng(12).integers(-1, 4, CUSTOMERS).astype(np.int8)


@pytest.fixture(scope="module")
def found(shipped: Policy, known: Known, stage: Any) -> Segments:
    return segments(shipped, known, freeze(shipped, known, stage, 5), stage)


def rows_of(policy: Policy, found: Segments, since: Any) -> list[dict[str, Any]]:
    columns = segment_columns(policy, found, since)
    return pa.table(columns, schema=pa.schema(SEGMENT_FIELDS)).to_pylist()  # type: ignore[no-any-return]


def expected(policy: Policy, found: Segments, row: int) -> dict[str, Any]:
    """One customer's columns, one after the other."""
    tiers, next_tiers = [], []
    for scheme in policy.tiers:
        labels = found.tiers[scheme.name]
        if labels.place[row] == -2:  # another kind's
            continue
        tier = scheme.tiers[labels.place[row]] if labels.place[row] >= 0 else None
        why = labels.reasons[labels.why[row]] if labels.why[row] >= 0 else (None, None)
        tiers.append(
            {
                "scheme": scheme.name,
                "scheme_zh": scheme.chinese,
                "tier": tier.name if tier else None,
                "tier_zh": tier.chinese if tier else None,
                "why": why[0],
                "why_zh": why[1],
            }
        )
        gap = found.next_tiers.get(scheme.name)
        if gap is not None and gap.place[row] >= 0:
            better = scheme.tiers[gap.place[row]]
            next_tiers.append(
                {
                    "scheme": scheme.name,
                    "tier": better.name,
                    "tier_zh": better.chinese,
                    "measure": scheme.measure,
                    "unit": policy.measures[str(scheme.measure)].unit,
                    "lacking": gap.lacking[row],
                }
            )
    rebate = None
    if found.rebate.place[row] >= 0:
        benefit = policy.benefits[found.rebate.place[row]]
        rebate = {
            "benefit": benefit.name,
            "benefit_zh": benefit.chinese,
            "measure": "annual_spend",
            "unit": "money",
            "lacking": found.rebate.lacking[row],
        }
    assert policy.behaviour
    assert policy.life_cycle
    assert found.behaviour
    value = policy.scheme("value").tiers
    value_place, type_place = found.tiers["value"].place[row], found.behaviour.labels.place[row]
    known = type_place >= 0
    kind = policy.behaviour.types[type_place]
    state = policy.life_cycle.states[found.stage[row]]
    has_stage = found.stage[row] >= 0
    in_cell = value_place >= 0 and known and has_stage
    plan = policy.plans()[found.plan[row]]
    begin = datetime(1970, 1, 1, tzinfo=UTC)
    return {
        "tiers": tiers,
        "next_tiers": next_tiers,
        "next_rebate": rebate,
        "tags": [tag.name for tag in policy.tags if found.tags[tag.name].place[row] == 1],
        "tags_zh": [tag.chinese for tag in policy.tags if found.tags[tag.name].place[row] == 1],
        "tags_not_known": [tag.name for tag in policy.tags if found.tags[tag.name].place[row] == -1],
        "value_class": value[value_place].name if value_place >= 0 else None,
        "value_class_zh": value[value_place].chinese if value_place >= 0 else None,
        "behaviour": kind.name if known else None,
        "behaviour_zh": kind.chinese if known else None,
        "behaviour_share": found.behaviour.soft[row].max() if known else None,
        "behaviour_is_clear": bool(found.behaviour.is_clear[row]) if known else None,
        "stage": state.name if has_stage else None,
        "stage_zh": state.chinese if has_stage else None,
        "stage_since": begin + timedelta(microseconds=int(SINCE[row])) if has_stage else None,
        "cell": f"{value[value_place].name}/{kind.name}/{state.name}" if in_cell else None,
        "plan": list(plan.strategies) if in_cell else None,
        "plan_zh": list(plan.strategies_chinese) if in_cell else None,
    }


def test_every_customer_has_the_columns_that_a_plain_loop_gives(shipped: Policy, found: Segments) -> None:
    rows = rows_of(shipped, found, SINCE)
    assert rows == [expected(shipped, found, row) for row in range(CUSTOMERS)]
    for name in ("next_rebate", "value_class", "behaviour", "stage", "cell"):  # or the loop shows nothing
        assert {row[name] is None for row in rows} == {True, False}, name
    assert any(row["tags_not_known"] for row in rows)


def test_who_lacks_a_fact_has_no_tier_and_is_told_why(shipped: Policy) -> None:
    """Nothing at all is known but the kind: no tier, no tag, no class, nowhere the lowest."""
    nobody = Known(1, {"is_b2b": np.zeros(1)})
    found = segments(shipped, nobody, NOTHING_FROZEN, np.array([-1], np.int8))
    (row,) = rows_of(shipped, found, SINCE[:1])
    assert {each["tier"] for each in row["tiers"]} == {None}
    assert "b2b_purchases" not in {each["scheme"] for each in row["tiers"]}
    why = {each["scheme"]: (each["why"], each["why_zh"]) for each in row["tiers"]}
    assert why["membership_level"] == ("not known: level", "未知：会员等级")
    assert row["next_tiers"] == row["tags"] == []
    assert "frequent" in row["tags_not_known"]
    for name in ("value_class", "behaviour", "behaviour_share", "stage", "stage_since", "cell", "plan"):
        assert row[name] is None, name


def test_a_policy_without_segments_has_empty_columns(shipped: Policy, known: Known) -> None:
    parts = ("tiers", "tags", "strategies", "benefits", "service_levels", "cadences", "eligibility")
    bare = shipped.model_copy(
        update=dict.fromkeys(parts, ()) | dict.fromkeys(("behaviour", "life_cycle", "matrix"))
    )
    found = segments(bare, known, NOTHING_FROZEN, np.full(CUSTOMERS, -1, np.int8))
    rows = rows_of(bare, found, SINCE)
    lists = ("tiers", "next_tiers", "tags", "tags_zh", "tags_not_known")
    assert all(row[name] == [] for row in rows for name in lists)
    assert all(value is None for row in rows for name, value in row.items() if name not in lists)


def test_nobody_has_no_rows(shipped: Policy, known: Known, stage: Any) -> None:
    nobody = np.empty(0, np.int64)
    found = segments(shipped, known.take(nobody), freeze(shipped, known, stage, 5), stage[nobody])
    assert rows_of(shipped, found, SINCE[nobody]) == []
