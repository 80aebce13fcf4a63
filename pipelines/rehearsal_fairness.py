"""Whether terms were equal: rewards given to groups of customers, against everybody who is alike."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.policy import Policy
from decisions.segment import Segments
from models.outcome import NORMAL_95
from simulator.past import Past

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.object_]
AGES = {30: "under 30", 45: "30 to 44", 60: "45 to 59", 200: "60 and over"}
# A group of fewer is told nothing of.
LEAST_IN_GROUP = 50


def tiers_that_pay(policy: Policy, segments: Segments) -> Labels:
    """Each customer's tier of the schemes that drive benefits, None without one; shape (customers,)."""
    tier = np.full(len(segments.stage), None, dtype=object)
    for scheme in policy.tiers:
        if scheme.drives_benefits:
            place = segments.tiers[scheme.name].place
            names = [f"{scheme.name} {each.name}" for each in scheme.tiers]
            for row in np.flatnonzero(place >= 0).tolist():
                tier[row] = tier[row] or names[place[row]]
    return tier


def groups_of(past: Past, policy: Policy, segments: Segments, year: int) -> dict[str, Labels]:
    """Each customer's group on every axis that the policy compares over, None where there is none."""
    table = past.customers
    ages = [None if day is None else year - day.year for day in table["birth_on"].to_pylist()]
    bands = [
        None if age is None else next(band for below, band in AGES.items() if age < below) for age in ages
    ]
    found = {
        "region": np.array(table["region"].to_pylist(), dtype=object),
        "age": np.array(bands, dtype=object),
        "gender": np.array(table["gender"].to_pylist(), dtype=object),
        "tier": tiers_that_pay(policy, segments),
    }
    asked = policy.equal_terms.compared_over if policy.equal_terms else ()
    return {axis: found[axis] for axis in asked}


class Fairness(NamedTuple):
    """A group's mean reward given (minor units a customer) and how far it is from that of all who are
    alike, as a share of the mean; low, high: 95 %. verdict: within, beyond (not surely), surely beyond."""

    axis: str
    group: str
    customers: int
    reward: float
    difference: float
    low: float
    high: float
    verdict: str


def fairness(
    reward: Floats, groups: Mapping[str, Labels], alike: Mapping[str, npt.NDArray[np.int64]], bound: float
) -> list[Fairness]:
    """reward: given to each customer over the weeks; alike: by axis, the stratum within which a customer is
    compared (negative: not at all)."""
    told = []
    mean = reward.mean()
    for axis, labels in groups.items():
        stratum = alike[axis]
        there = stratum >= 0
        for group in sorted({each for each in labels[there].tolist() if each is not None}):
            own = there & (labels == group)
            if own.sum() < LEAST_IN_GROUP or mean == 0:
                continue
            gap, variance, weight = 0.0, 0.0, 0
            for each in np.unique(stratum[own]).tolist():
                mine, all_ = reward[own & (stratum == each)], reward[stratum == each]
                if len(mine) < 2:
                    continue
                gap += len(mine) * (mine.mean() - all_.mean())
                # The group is a part of all: what it shares with them does not vary against them.
                variance += len(mine) * mine.var(ddof=1) * (1 - len(mine) / len(all_))
                weight += len(mine)
            if not weight:
                continue
            difference, error = gap / weight / mean, NORMAL_95 * np.sqrt(variance) / weight / mean
            verdict = (
                "surely beyond" if abs(difference) - error > bound
                else "beyond" if abs(difference) > bound
                else "within"
            )  # fmt: skip
            told.append(
                Fairness(
                    axis,
                    str(group),
                    int(own.sum()),
                    float(reward[own].mean()),
                    float(difference),
                    float(difference - error),
                    float(difference + error),
                    verdict,
                )
            )
    return told
