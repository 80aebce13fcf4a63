"""The advice: retrain or not, each reason with its figure and its bound."""

from collections.abc import Sequence
from dataclasses import dataclass

from decisions.bounds import Bounds
from decisions.finding import Finding
from models.comparison import Compared
from models.outcome import Outcome, Part

# What breaks within a week is data, or somebody's decision; customers change more slowly.
SUDDEN = ("tables.", "facts.last_week.", "facts.missing.")


@dataclass(frozen=True)
class Reason:
    """One thing asked of the model; `met` is bad news. figure: None where nothing is known yet."""

    met: bool
    figure: float | None
    limit: float
    english: str
    chinese: str


@dataclass(frozen=True)
class Advice:
    retrain: bool
    english: str
    chinese: str
    reasons: tuple[Reason, ...]


def advise(
    bounds: Bounds,
    compared: Compared,
    outcomes: Sequence[Outcome],
    findings: Sequence[Finding],
    age_days: float,
) -> Advice:
    """age_days: from the moment the model was trained as of to the week's."""
    limits = bounds.retrain
    latest = outcomes[-1] if outcomes else None
    off = broken_slices(bounds, latest)
    drifted = compared.weighted
    young = ("", "")
    if drifted > limits.weighted_drift and age_days < limits.least_age_days:
        young = ("; so young a model has learnt from what there is", "；模型尚新，已学到现有数据")
    reasons = (
        Reason(
            len(off) >= limits.slices,
            float(len(off)) if latest else None,
            limits.slices,
            f"calibration broken in {len(off)} slices: {', '.join(f'{p.axis} {p.name}' for p in off[:5])}"
            if off
            else ("no slice's calibration is broken" if latest else "no outcome is known yet"),
            f"{len(off)} 个分组的校准失效" if off else ("各分组校准正常" if latest else "尚无已知结果"),
        ),
        Reason(
            drifted > limits.weighted_drift and age_days >= limits.least_age_days,
            drifted,
            limits.weighted_drift,
            "drift of the facts from training, each as much as the model leans on it" + young[0],
            "特征相对训练数据的漂移（按模型依赖程度加权）" + young[1],
        ),
        Reason(
            age_days > limits.age_days,
            age_days,
            limits.age_days,
            "days since the moment the model was trained as of",
            "距模型训练时点的天数",
        ),
    )
    broken = [each for each in findings if each.level == "stop" and each.bound.startswith(SUDDEN)]
    if broken:
        what = list(dict.fromkeys(each.subject for each in broken))
        return Advice(
            False,
            f"mend the data first ({', '.join(what)}): a model would learn its faults",
            f"先修复数据（{'、'.join(what)}），否则模型会学到其中的错误",
            reasons,
        )
    if any(each.met for each in reasons):
        why = [each for each in reasons if each.met]
        return Advice(
            True,
            "retrain: " + "; ".join(f"{each.english} ({_said(each)})" for each in why),
            "建议重新训练：" + "；".join(f"{each.chinese}（{_said(each)}）" for each in why),
            reasons,
        )
    return Advice(False, "keep the model: no reason is reached", "保留现有模型：未触及任何条件", reasons)


def broken_slices(bounds: Bounds, outcome: Outcome | None) -> list[Part]:
    """Slices whose promise is further off than the bound, and surely so."""
    slices = outcome.slices if outcome else ()
    return [
        each
        for each in slices
        if each.sure and bounds.outcomes.slice_gap.broken(abs(each.promised - each.happened))
    ]


def _said(reason: Reason) -> str:
    return f"{reason.figure:.4g} > {reason.limit:.4g}" if reason.figure is not None else "?"
