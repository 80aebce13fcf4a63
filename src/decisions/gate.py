"""The gate: evidence in, verdict out. A challenger becomes the champion when no check fails.

Pure: nothing is read or measured here. How the checks were chosen: docs/decisions/0011.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from decisions.check import Check
from decisions.evidence import Evidence
from decisions.gate_bounds import GateBounds, SpeedBounds
from decisions.gate_earning import check_earning
from decisions.gate_segment import check_calibration, check_treatment
from decisions.unequal import check_terms


@dataclass(frozen=True)
class Verdict:
    """may_override: whether a person may promote all the same; never when the bundle is damaged, or terms
    are surely unequal."""

    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.state == "failed")

    @property
    def passed(self) -> bool:
        return not self.failed

    @property
    def may_override(self) -> bool:
        return all(check.name not in ("golden", "equal_terms") for check in self.failed)


def judge(bounds: GateBounds, evidence: Evidence) -> Verdict:
    """Every check, in the order in which people ask; a bundle that does not answer as it did is asked nothing
    else."""
    if evidence.golden:
        return Verdict((_golden(False, evidence.golden, f"包已损坏：{evidence.golden}"),))
    return Verdict(
        (
            check_earning(bounds.earns, evidence),
            check_calibration(bounds, evidence),
            check_treatment(bounds, evidence),
            check_terms(evidence.terms),
            _golden(True, "the golden rows are answered as they were", "黄金样本回放一致"),
            *_speed(bounds.speed, evidence),
        )
    )


def _golden(replays: bool, english: str, chinese: str) -> Check:
    return Check("golden", "passed" if replays else "failed", "", None, None, english, chinese)


def _speed(limits: SpeedBounds, evidence: Evidence) -> Iterator[Check]:
    measured = evidence.measured
    for name, english, chinese in (
        (
            "one_customer_ms",
            "milliseconds to score and explain one customer",
            "单个客户评分与解释耗时（毫秒）",
        ),
        (
            "per_100k_s",
            f"seconds to score and explain 100,000 customers (from {measured:,})",
            f"十万客户评分与解释耗时（秒，由 {measured:,} 位推算）",
        ),
        ("size_mb", "MB of models and what comes with them", "模型包大小（MB）"),
    ):
        figure, limit = getattr(evidence, name), getattr(limits, name)
        yield Check(
            name,
            "passed" if figure <= limit else "failed",
            f"speed.{name}",
            figure,
            limit,
            f"{figure:,.1f} {english}",
            f"{chinese} {figure:,.1f}",
        )
