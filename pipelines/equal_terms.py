"""Equal terms of a week: what everybody was offered, held over tiers, regions, ages and genders."""

from pathlib import Path

import numpy as np

from decisions.equal_terms import Offered, TermsReport, Tiers, judge_terms
from decisions.segment import measured_of
from pipelines.gate_groups import driving_tiers, protected_groups
from pipelines.report import plain
from pipelines.run import Run
from pipelines.second_pass import Scored
from pipelines.work import Work
from releases.policy import FrozenPolicy
from tables.memory import require
from tables.sealed import canonical_json

FILE = "equal_terms.json"
# What the groups, bands and figures of a customer take while they are compared.
CUSTOMER_BYTES = 200


def week_terms(
    work: Work, run: Run, frozen: FrozenPolicy, scored: Scored, offered: Offered
) -> TermsReport | None:
    """None where the policy states no equal terms. Takes some hundred bytes a customer."""
    asked = work.policy.equal_terms
    if asked is None:
        return None
    everybody = np.arange(len(work.histories))
    require(len(everybody) * CUSTOMER_BYTES, "the comparison of terms")
    over = asked.compared_over
    groups = protected_groups(work.base, work.histories, everybody, work.t, over, asked.age_bands)
    return judge_terms(asked, offered, scored.value, scored.churn, groups, _tiers(work, run, frozen))


def write_terms(folder: Path, report: TermsReport) -> None:
    """Into the folder of a week, before it is sealed."""
    (folder / FILE).write_text(canonical_json(plain(report)), encoding="utf-8")


def _tiers(work: Work, run: Run, frozen: FrozenPolicy) -> tuple[Tiers, ...]:
    """Bucket by bucket, as the week's rows were told."""
    policy = frozen.policy
    known = (run.bucket(number).standing().known for number in range(len(work.places())))
    parts = [driving_tiers(policy, measured_of(policy, each, frozen.frozen)) for each in known]
    return tuple(
        Tiers(each[0].scheme, each[0].names, np.concatenate([part.place for part in each]))
        for each in zip(*parts, strict=True)
    )
