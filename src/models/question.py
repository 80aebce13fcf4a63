"""What is asked of the models: who, over which horizon, and by when the answer is known."""

from dataclasses import dataclass

from features.family import WINDOWS
from tables.moment import DAY
from tables.refusal import Refused


@dataclass(frozen=True)
class Question:
    """Will a customer who bought in (t - base_days, t] buy nothing in (t, t + horizon_days]?

    A label is a fact read at the end of its horizon: "no order in the last 91 days" as of t + 91 days is
    "no order in (t, t + 91 d]", known at that moment. So labels obey the same visibility as facts, and the
    horizon is one of the windows.
    """

    horizon_days: int = 91
    base_days: int = 364

    def __post_init__(self) -> None:
        for days in (self.horizon_days, self.base_days):
            if days not in WINDOWS:
                raise Refused(f"a horizon is one of the windows {WINDOWS} (days); came {days}")

    @property
    def horizon(self) -> int:
        return self.horizon_days * DAY

    @property
    def label(self) -> str:
        return f"churned_within_{self.horizon_days}d"
