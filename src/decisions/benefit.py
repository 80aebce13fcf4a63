"""What tiers are given: benefits with what they cost, service levels, how often one speaks, and points."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from decisions.measure import When
from decisions.setting import Named, Part

# Scheme -> tiers of it.
TierNames = dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]
REBATE = "rebate"


class Cost(Part):
    """What a benefit costs us a customer and year: an amount each time, or a share of the year's spend."""

    amount: int | None = Field(default=None, ge=0)
    times_a_year: float = Field(default=1.0, gt=0)
    share_of_spend: float | None = Field(default=None, ge=0, le=1)

    @model_validator(mode="after")
    def it_is_one_of_both(self) -> "Cost":
        if (self.amount is None) == (self.share_of_spend is None):
            raise ValueError(
                "a cost has an amount (minor units) or a share_of_spend; 0 where it costs nothing"
            )
        return self


class Benefit(Named):
    """What customers of some tiers of one scheme are given, and, where `when` stands, only those it holds
    for. Benefits of one group do the same, so that one tier's is better or worse: `worth` says how good it
    is (a share of the price, a number of days)."""

    scheme: str
    tiers: tuple[str, ...] = Field(min_length=1)
    group: str
    worth: float = Field(default=1.0, gt=0)
    cost: Cost
    when: When | None = None
    document: str = ""


class ServiceLevel(Named):
    """How fast we answer and solve, in hours from when a customer writes; `default`: for all other tiers."""

    answer_hours: float = Field(gt=0)
    solve_hours: float = Field(gt=0)
    open_hours: Literal["7x24", "7x12", "5x8"] = "7x24"
    tiers: TierNames = Field(default_factory=dict)
    default: bool = False
    document: str = ""

    @model_validator(mode="after")
    def it_answers_before_it_solves(self) -> "ServiceLevel":
        if self.answer_hours > self.solve_hours:
            raise ValueError("answer_hours is not longer than solve_hours")
        return self


class Cadence(Named):
    """Who speaks to customers of these tiers, and every how many days."""

    who: str
    every_days: int = Field(gt=0)
    tiers: TierNames = Field(min_length=1)
    document: str = ""


class PointsGift(Named):
    """What so many points buy."""

    points: int = Field(gt=0)
    cost: int = Field(ge=0)


class Points(Part):
    """The points economy: spend (minor units) that earns a point; points that pay `pays` minor units; gifts;
    how many times faster some tiers earn."""

    spend_per_point: int = Field(gt=0)
    points_to_pay: int = Field(gt=0)
    pays: int = Field(gt=0)
    gifts: tuple[PointsGift, ...] = ()
    faster: dict[str, dict[str, Annotated[float, Field(ge=1)]]] = Field(default_factory=dict)
    document: str = ""

    @property
    def worth_of_spend(self) -> float:
        """What points give back, as a share of spend, if all are used to pay."""
        return self.pays / self.points_to_pay / self.spend_per_point
