"""`holdfast promote`: a registered model that passes the gate becomes the published bundle."""

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlflow
from rich.markup import escape

from decisions.evidence import Evidence
from decisions.gate import judge
from decisions.gate_bounds import GateBounds, read_gate
from decisions.policy import read_policy
from pipelines.as_of import open_base
from pipelines.configuration import configuration
from pipelines.fetch import asked_for, fetched
from pipelines.gate import Collected, collect, rival_of
from pipelines.gate_page import page_of
from pipelines.gate_report import (
    PAGE,
    WORDS,
    GateReport,
    keep_at_home,
    log_report,
    read_gate_report,
    said,
    write_gate_report,
)
from pipelines.registry import CHAMPION, model_of, use_tracking
from pipelines.terminal import bar
from releases.bundle import Bundle, open_bundle, read_bundle
from releases.home import Home, Published
from releases.reference import read_reference
from releases.signature import sign
from tables.refusal import Refused
from tables.sealed import sealed_folder

BOUNDS = "gate.yaml"


class Failed(Refused):
    """A check of the gate failed: what is published stays."""


def promote(home: Home, version: int | None, reason: str | None = None) -> dict[str, Any]:
    """Take the challenger (or a version), judge it, publish it, and make it the champion.

    Raises Failed with every check that failed when there is no `reason`, or when the bundle is damaged; the
    report is kept either way. The version that is published already is left as it is.
    """
    bounds = read_gate(configuration() / BOUNDS)
    began, base = home.published(), home.current_base()
    name, uri = model_of(base), use_tracking()
    client = mlflow.MlflowClient()
    model = asked_for(name, uri, version)
    key = home.key()
    champion, why_none = _champion(home, began, key)
    kept = read_gate_report(champion.folder) if champion else None
    with tempfile.TemporaryDirectory() as folder:
        came = fetched(uri, model.run_id, Path(folder))
        if champion and kept and kept["run_id"] == model.run_id:
            _opened(came)
            client.set_registered_model_alias(name, CHAMPION, model.version)
            return _result(champion, home, kept, "published already", "")
        report = _judge(home, model, name, bounds, (champion, why_none), came, reason)
        page = page_of(report)
        kept_page = keep_at_home(home, report, page)
        log_report(report, kept_page.parent)
        if report.ruling == "refused":
            raise Failed(_why(report, kept_page))
        with bar("publishing") as progress:
            progress(0, 2)
            write_gate_report(came, report, page)
            with sealed_folder(home.bundles) as staged:
                shutil.copytree(came, staged.path, dirs_exist_ok=True)
            sign(staged.path, key)
            bundle = read_bundle(staged.path, key)
            progress(1, 2)
            home.publish(instead_of=began, bundle=bundle.name, at=report.at)
            client.set_registered_model_alias(name, CHAMPION, model.version)
            progress(2, 2)
    return _result(bundle, home, report.data, report.ruling, str(kept_page))


def _champion(home: Home, began: Published, key: bytes) -> tuple[Bundle | None, str]:
    """What is published; or why it cannot be asked: damage is mended by promoting another one."""
    if not began.bundle:
        return None, "nothing is published yet"
    try:
        return read_bundle(home.bundles / began.bundle, key), ""
    except Refused as error:
        return None, str(error)


def _opened(came: Path) -> Bundle:
    """All that a bundle holds is read for its checks: what is damaged is not published."""
    bundle = open_bundle(came)
    _ = bundle.judged
    read_reference(came)
    return bundle


def _judge(
    home: Home,
    model: Any,
    name: str,
    bounds: GateBounds,
    published: tuple[Bundle | None, str],
    came: Path,
    reason: str | None,
) -> GateReport:
    """Collect the evidence and rule; of a damaged bundle nothing but that is known."""
    policy = read_policy(configuration() / "policy.yaml")
    champion, why_none = published
    challenger, damage = None, ""
    try:
        challenger = _opened(came)
    except Refused as error:
        challenger, damage = None, f"the bundle is damaged: {error}"
    with bar("verifying the base") as progress:
        base, histories = open_base(home, progress)
    found = Collected(Evidence(golden=damage), None, (), "")
    if challenger is not None:
        rival = None
        try:
            rival = rival_of(champion, challenger, histories.time_zone) if champion else None
        except Refused as error:
            champion, why_none = None, str(error)
        found = collect(histories, base, challenger, rival, bounds, policy, came)
    return GateReport(
        model=name,
        version=int(model.version),
        run_id=model.run_id,
        champion=champion.name if champion else "",
        why_no_champion=why_none,
        base=base.name,
        as_of=challenger.about["as_of"] if challenger else "",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        moments=found.moments,
        contacts_since=found.contacts_since,
        verdict=judge(bounds, found.evidence),
        evidence=found.evidence,
        curves=found.curves,
        reason=reason or "",
        currency=histories.currency,
        minor_units=histories.minor_units,
        bounds=bounds,
    )


def _why(report: GateReport, page: Path) -> str:
    failed = "\n".join(f"  {said(check)}" for check in report.verdict.failed)
    override = (
        "to promote it all the same: holdfast promote --reason 'why', which the bundle then carries"
        if report.verdict.may_override
        else "a damaged bundle is promoted for no reason; run `holdfast train`"
        if any(check.name == "golden" for check in report.verdict.failed)
        else "unequal terms are promoted for no reason: see which fact tells these customers apart, or state "
        "another bound in policy.yaml"
    )
    return (
        f"{report.model} version {report.version} does not become the champion; what is published stays.\n"
        f"{failed}\nthe report: {page}\n{override}"
    )


def _result(bundle: Bundle, home: Home, gate: dict[str, Any], ruling: str, page: str) -> dict[str, Any]:
    return {
        "bundle": bundle.name,
        "path": str(home.bundles / bundle.name),
        "model": {"name": gate["model"], "version": gate["version"], "run_id": gate["run_id"]},
        "as_of": bundle.about["as_of"],
        "auc": bundle.about["churn"]["headline"]["model"]["auc"],
        "gate": {
            "ruling": ruling,
            "reason": gate["reason"],
            "checks": gate["verdict"]["checks"],
            "page": page or str(home.bundles / bundle.name / PAGE),
        },
    }


def render(result: dict[str, Any]) -> list[Any]:
    model, gate = result["model"], result["gate"]
    ruling = gate["ruling"]
    lines = [f"{each['state']}  {each['name']}: {each['english']}" for each in gate["checks"]]
    parts = [
        *lines,
        f"{WORDS[ruling][0] if ruling in WORDS else ruling}"
        + (f", because: {gate['reason']}" if gate["reason"] else "")
        + f"; the page: {gate['page']}",
        f"Published bundle {result['bundle']}: {model['name']} version {model['version']}, trained as of "
        f"{result['as_of'][:10]}; next: holdfast score",
    ]
    return [escape(part) for part in parts]  # names of regions come from data
