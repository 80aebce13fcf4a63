"""What is asked of the models: who, over which horizon, and by when the answer is known."""

from dataclasses import dataclass

from features.family import WINDOWS
from tables.moment import DAY
from tables.refusal import Refused

SILENCE = "silence"
CONTRACT = "contract"
KINDS = (SILENCE, CONTRACT)


@dataclass(frozen=True)
class Question:
    """Who will leave within the horizon.

    silence: will a customer who bought in (t - base_days, t] buy nothing in (t, t + horizon_days]?
    contract: will the contract that, as known at t, ends in (t, t + horizon_days] not be prolonged, as known
    at t + horizon_days + grace_days? A contract whose row states no end any more was not prolonged.

    A label is a fact read at the end of its horizon: "no order in the last 91 days" as of t + 91 days is
    "no order in (t, t + 91 d]", known at that moment. So labels obey the same visibility as facts, and the
    horizon is one of the windows. The grace is for prolongations that are written down late.
    """

    horizon_days: int = 91
    base_days: int = 364
    kind: str = SILENCE
    grace_days: int = 0

    def __post_init__(self) -> None:
        for days in (self.horizon_days, self.base_days):
            if days not in WINDOWS:
                raise Refused(f"a horizon is one of the windows {WINDOWS} (days); came {days}")
        if self.kind not in KINDS:
            raise Refused(f"a question is one of {', '.join(KINDS)}; came {self.kind!r}")
        if not 0 <= self.grace_days <= max(WINDOWS) or (self.grace_days and self.kind != CONTRACT):
            raise Refused(
                f"a grace is 0 to {max(WINDOWS)} days and for the question {CONTRACT} only; came "
                f"{self.grace_days} days for {self.kind}"
            )

    @property
    def horizon(self) -> int:
        return self.horizon_days * DAY

    @property
    def known_after(self) -> int:
        """Microseconds from a moment until its label is known."""
        return self.horizon + self.grace_days * DAY

    @property
    def label(self) -> str:
        what = "churned" if self.kind == SILENCE else "contract_not_prolonged"
        return f"{what}_within_{self.horizon_days}d"

    @property
    def base(self) -> str:
        """Who is asked about, as in "nobody ..."."""
        if self.kind == SILENCE:
            return f"bought in the {self.base_days} days before"
        return f"had a contract that ends in the {self.horizon_days} days after"

    @property
    def leaving(self) -> str:
        """What leaving is, as in "30 of 100 customers ..." or "who ..."."""
        if self.kind == SILENCE:
            return f"bought nothing within {self.horizon_days} days"
        grace = f" and {self.grace_days} of grace" if self.grace_days else ""
        return f"did not prolong their contract by the end of {self.horizon_days} days{grace}"
