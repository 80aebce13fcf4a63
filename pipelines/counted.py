"""What one pass over the base counts, whole or in parts that add up."""

from dataclasses import dataclass
from typing import Any

from decisions.assess import IN_BASE, Assessment
from models.census import Census
from tables.arrival import Arrivals
from tables.history import Bucket
from tables.offer import Offer


@dataclass(frozen=True)
class Counted:
    """What was counted of the base so far, or of one part of it; parts add up. as_last: in the bins of last
    week, where another bundle has made others."""

    census: Census
    as_last: Census | None
    arrivals: Arrivals

    def add(self, assessment: Assessment, offers: tuple[Offer, ...]) -> None:
        """Count those of the assessed customers who are in the base, in place."""
        inside = assessment.status == IN_BASE
        values, names = assessment.facts.values[inside], assessment.facts.names
        scores = type(assessment.scores)(*(part[inside] for part in assessment.scores))
        for each in (self.census, self.as_last):
            if each is not None:
                each.add(values, names, scores, offers)

    def add_arrivals(self, bucket: Bucket) -> None:
        """Count rows as they arrived, in place: of all customers, in the base or not, each once."""
        self.arrivals.add(bucket)

    def __add__(self, other: "Counted") -> "Counted":
        as_last = self.as_last + other.as_last if self.as_last and other.as_last else None
        return Counted(self.census + other.census, as_last, self.arrivals + other.arrivals)

    def arrays(self) -> dict[str, Any]:
        """Plain arrays by name, which a job that may be killed stores with the part they were counted on."""
        parts = {"census": self.census, "as_last": self.as_last, "arrivals": self.arrivals}
        return {
            f"{name}.{key}": array
            for name, part in parts.items()
            if part is not None
            for key, array in part.arrays().items()
        }

    def with_arrays(self, kept: dict[str, Any]) -> "Counted":
        """The counts kept, in our bins; ValueError or KeyError when they belong to another week."""

        def of(name: str) -> dict[str, Any]:
            return {key.split(".")[1]: part for key, part in kept.items() if key.startswith(f"{name}.")}

        return Counted(
            self.census.with_arrays(of("census")),
            self.as_last.with_arrays(of("as_last")) if self.as_last else None,
            Arrivals.of_arrays(self.arrivals.t, of("arrivals")),
        )
