"""The gate's report: verdict and evidence as data and as a page; kept in bundle, MLflow and home."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import mlflow

from decisions.check import Check
from decisions.evidence import Evidence
from decisions.gate import Verdict
from decisions.gate_bounds import GateBounds
from pipelines.gate_money import Curves
from pipelines.report import plain
from releases.home import Home
from tables.sealed import canonical_json, write_whole

Ruling = Literal["passed", "overridden", "refused"]
WORDS: dict[Ruling, tuple[str, str]] = {
    "passed": ("promoted: every check passed", "已发布：全部检查通过"),
    "overridden": ("promoted although a check failed", "虽有检查未通过，经确认后已发布"),
    "refused": ("not promoted: what was published stays", "未发布：仍使用当前模型"),
}
NAME = "gate"
REPORT, PAGE = f"{NAME}.json", f"{NAME}.html"


@dataclass(frozen=True)
class GateReport:
    """One challenger at the gate. version: of the registered model `model`; champion: the bundle it was held
    against, '' where there is none and why; reason: why it was promoted all the same; at: when."""

    model: str
    version: int
    run_id: str
    champion: str
    why_no_champion: str
    base: str
    as_of: str
    at: str
    moments: tuple[str, ...]
    contacts_since: str
    verdict: Verdict
    evidence: Evidence
    curves: Curves | None
    reason: str
    currency: str
    minor_units: int
    bounds: GateBounds

    @property
    def ruling(self) -> Ruling:
        if self.verdict.passed:
            return "passed"
        return "overridden" if self.reason and self.verdict.may_override else "refused"

    @property
    def data(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {"ruling": self.ruling, **plain(self)}


def said(check: Check) -> str:
    """One line for people."""
    beside = ""
    if check.figure is not None and check.limit is not None:
        beside = f" ({check.bound}: {check.figure:,.3g}, the bound is {check.limit:,.3g})"
    return f"{check.name}: {check.english}{beside}"


def write_gate_report(folder: Path, report: GateReport, page: str) -> None:
    """Both files, each whole, into a folder that is there."""
    write_whole(folder / REPORT, canonical_json(report.data))
    write_whole(folder / PAGE, page)


def read_gate_report(folder: Path) -> dict[str, Any] | None:
    """What the gate said of a verified bundle; None of one from before there was a gate."""
    path = folder / REPORT
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def keep_at_home(home: Home, report: GateReport, page: str) -> Path:
    """Where people look, for challengers promoted and refused: one folder a version; returns the page."""
    folder = home.gate / f"{report.model}-{report.version}"
    folder.mkdir(parents=True, exist_ok=True)
    write_gate_report(folder, report, page)
    return folder / PAGE


def log_report(report: GateReport, folder: Path) -> None:
    """Into the challenger's MLflow run and onto its registered version; folder: where the files stand."""
    client = mlflow.MlflowClient()
    for name in (REPORT, PAGE):
        client.log_artifact(report.run_id, str(folder / name), NAME)
    for check in report.verdict.checks:
        if check.figure is not None:
            client.log_metric(report.run_id, f"gate.{check.name}", check.figure)
    for part in ("offers", "captured", "profit"):
        earned = getattr(report.evidence, part)
        for field, figure in earned.ahead._asdict().items() if earned else ():
            client.log_metric(report.run_id, f"gate.{part}.ahead.{field}", figure)
    failed = ",".join(check.name for check in report.verdict.failed)
    for name, value in (("ruling", report.ruling), ("failed", failed), ("reason", report.reason)):
        client.set_tag(report.run_id, f"{NAME}.{name}", value)
        client.set_model_version_tag(report.model, str(report.version), f"{NAME}.{name}", value)
