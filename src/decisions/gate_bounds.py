"""The bounds of a promotion: what a challenger must show to become the champion."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from decisions.policy import Part, validated


class OfferEarning(Part):
    not_worse_by: float = Field(ge=0, lt=1)
    most_contacts: int = Field(ge=1000)
    least_effective: float = Field(ge=50)


class Captured(Part):
    depth: float = Field(gt=0, lt=1)
    not_worse_by: float = Field(ge=0, lt=1)
    least_leavers: int = Field(ge=1)


class Earning(Part):
    offers: OfferEarning
    captured: Captured
    younger_days: float = Field(ge=0)


class CalibrationBounds(Part):
    gap: float = Field(gt=0, lt=1)
    least_customers: int = Field(ge=20)


class TreatmentBound(Part):
    """rest: how much worse than everybody else; champion: how much worse than that was before."""

    rest: float | None = Field(default=None, ge=0)
    champion: float | None = Field(default=None, ge=0)


class TreatmentBounds(Part):
    offered: TreatmentBound = TreatmentBound()
    reward: TreatmentBound = TreatmentBound()
    missed: TreatmentBound = TreatmentBound()
    least_customers: int = Field(ge=20)
    age_bands: tuple[int, ...] = Field(min_length=1)
    axes: tuple[Literal["age", "gender", "region"], ...] = ("age", "gender", "region")

    @field_validator("age_bands")
    @classmethod
    def bands_rise(cls, bands: tuple[int, ...]) -> tuple[int, ...]:
        if list(bands) != sorted(set(bands)) or bands[0] <= 0:
            raise ValueError("age bands must rise from above 0")
        return bands


class SpeedBounds(Part):
    one_customer_ms: float = Field(gt=0)
    per_100k_s: float = Field(gt=0)
    size_mb: float = Field(gt=0)


class GateBounds(Part):
    """See config/gate.yaml for what each word means."""

    level: float = Field(gt=0, lt=0.5)
    earns: Earning
    calibration: CalibrationBounds
    treatment: TreatmentBounds
    speed: SpeedBounds


def read_gate(path: Path) -> GateBounds:
    """Refused with the line of everything that is wrong."""
    return validated(GateBounds, path)
