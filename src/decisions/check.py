"""One check of the gate, as data and in words."""

from dataclasses import dataclass
from typing import Literal

State = Literal["passed", "failed", "not judged"]


@dataclass(frozen=True)
class Check:
    """bound: its place in config/gate.yaml, or in the policy; figure and limit: what was held against
    what, None where nothing was; `not judged` refuses nothing, and the words say why."""

    name: str
    state: State
    bound: str
    figure: float | None
    limit: float | None
    english: str
    chinese: str
