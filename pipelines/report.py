"""The report of a week: what was seen, judged and advised, as data; and where people find it."""

import json
import math
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal

from decisions.advice import Advice
from decisions.bounds import Bounds
from decisions.equal_terms import TermsReport
from decisions.finding import Change, Finding
from models.comparison import Compared
from models.outcome import Outcome
from tables.arrival import Pace
from tables.refusal import Refused
from tables.sealed import canonical_json, point, pointed, write_whole

Verdict = Literal["clear", "warned", "stopped", "accepted"]
WORDS: dict[Verdict, tuple[str, str]] = {
    "clear": ("published: every bound was kept", "已发布：各项指标均在限值内"),
    "warned": ("published, with warnings", "已发布，但有警告"),
    "stopped": ("not published: the week before stays", "未发布：仍使用上一期结果"),
    "accepted": ("published although a bound was broken", "虽有超限，经确认后已发布"),
}


@dataclass(frozen=True)
class Report:
    """One week held against its bounds. moment: microseconds; last: the week before, or None and why;
    notes: what could not be judged, in English and Chinese; terms: None where the policy states no equal
    terms."""

    moment: int
    time_zone: str
    base: str
    bundle: str
    trained_as_of: str
    customers: int
    verdict: Verdict
    accepted: str
    last: int | None
    findings: tuple[Finding, ...]
    compared: Compared
    paces: tuple[Pace, ...]
    gone: tuple[str, ...]
    change: Change | None
    outcomes: tuple[Outcome, ...]
    advice: Advice
    notes: tuple[tuple[str, str], ...]
    currency: str
    minor_units: int
    bounds: Bounds
    terms: TermsReport | None = None

    @property
    def stops(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.level == "stop")

    @property
    def summary(self) -> str:
        """One line, for whoever is told."""
        worst = self.findings[0] if self.findings else None
        return f"week {WORDS[self.verdict][0]}" + (f"; {said(worst)}" if worst else "")


def said(finding: Finding) -> str:
    return f"{finding.bound}: {finding.english} ({finding.figure:.3g}; the bound is {finding.limit:.3g})"


def money(report: Report, minor: float) -> str:
    """An amount of minor units, as people write it."""
    return f"{minor / report.minor_units:,.2f} {report.currency}"


def write_report(shelf: Path, name: str, report: Report, page: str) -> Path:
    """Both files whole, then the pointer to them; returns the page's path."""
    shelf.mkdir(parents=True, exist_ok=True)
    data = canonical_json({"summary": report.summary, **plain(report)})
    write_whole(shelf / f"{name}.json", data)
    write_whole(shelf / f"{name}.html", page)
    point(shelf, name)
    return shelf / f"{name}.html"


def last_report(shelf: Path) -> tuple[dict[str, Any], Path]:
    """The data of the last report and the path of its page."""
    found = pointed(shelf)
    if found is None:
        raise Refused(f"{shelf}: no week was watched yet; run `holdfast score` first")
    data, page = found.with_name(f"{found.name}.json"), found.with_name(f"{found.name}.html")
    try:
        return json.loads(data.read_text(encoding="utf-8")), page
    except (OSError, ValueError) as error:
        raise Refused(f"{data}: cannot be read ({error}); score again") from error


def plain(value: Any) -> Any:
    """As JSON: classes by field, a figure that could not be computed as null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "model_dump"):
        value = value.model_dump()
    elif hasattr(value, "_asdict"):
        value = value._asdict()
    elif is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value
