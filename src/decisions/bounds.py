"""The bounds of a week: what is worth a warning, what keeps the old week published, and whom to tell."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from decisions.policy import Part, validated

Level = Literal["stop", "warn"]


class Bound(Part):
    """A figure above `warn` is told, one above `stop` keeps the week back; without either, nothing is."""

    warn: float | None = Field(default=None, ge=0)
    stop: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def it_warns_before_it_stops(self) -> "Bound":
        if self.warn is not None and self.stop is not None and self.stop < self.warn:
            raise ValueError("stop lies below warn; a week is warned of before it is stopped")
        return self

    def broken(self, figure: float) -> tuple[Level, float] | None:
        """The level that the figure breaks, and its limit; nan breaks none."""
        if self.stop is not None and figure > self.stop:
            return "stop", self.stop
        if self.warn is not None and figure > self.warn:
            return "warn", self.warn
        return None

    def only_told(self) -> "Bound":
        return Bound(warn=self.warn)


class Floor(Part):
    """The other way round: a figure below `warn` is told, one below `stop` keeps the week back."""

    warn: float | None = Field(default=None, ge=0)
    stop: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def it_warns_before_it_stops(self) -> "Floor":
        if self.warn is not None and self.stop is not None and self.stop > self.warn:
            raise ValueError("stop lies above warn; a week is warned of before it is stopped")
        return self

    def broken(self, figure: float) -> tuple[Level, float] | None:
        if self.stop is not None and figure < self.stop:
            return "stop", self.stop
        if self.warn is not None and figure < self.warn:
            return "warn", self.warn
        return None


class DriftBounds(Part):
    """psi: population stability index; moved: mean move among training's customers, 0 to 1."""

    psi: Bound = Bound()
    moved: Bound = Bound()

    def only_told(self) -> "DriftBounds":
        """The same without what stops: for what drifts by rights, as an offer's scores."""
        return DriftBounds(psi=self.psi.only_told(), moved=self.moved.only_told())


class FactBounds(Part):
    important: float = Field(ge=0, le=1)
    training: DriftBounds
    last_week: DriftBounds
    missing: Bound
    weighted: Bound


class ScoreBounds(Part):
    training: DriftBounds
    last_week: DriftBounds
    churn_mean: Bound
    value_mean: Bound


class TableBounds(Part):
    silent: Bound
    rows: Floor
    shrunk: Bound
    least_rows: int = Field(ge=1)
    table_gone: Level
    column_gone: Level


class BaseBounds(Part):
    lost: Bound
    gained: Bound


class OutcomeBounds(Part):
    least_customers: int = Field(ge=20)
    most_customers: int = Field(ge=1000)
    most_weeks: int = Field(ge=1)
    gap: Bound
    slice_gap: Bound
    auc_lost: Bound


class Retraining(Part):
    slices: int = Field(ge=1)
    weighted_drift: float = Field(gt=0)
    least_age_days: int = Field(ge=0)
    age_days: int = Field(gt=0)


class Alert(Part):
    command: tuple[str, ...] = ()
    seconds: float = Field(default=60, gt=0, le=3600)
    when: Level = "stop"


class Bounds(Part):
    """See config/watch.yaml for what each word means."""

    last_week_within_days: float = Field(gt=0)
    facts: FactBounds
    scores: ScoreBounds
    tables: TableBounds
    base: BaseBounds
    outcomes: OutcomeBounds
    retrain: Retraining
    alert: Alert = Alert()


def read_bounds(path: Path) -> Bounds:
    return validated(Bounds, path)
