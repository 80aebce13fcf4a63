"""`holdfast status` and `holdfast rollback`: what is published, how old it is, and the way back."""

from datetime import UTC, datetime
from typing import Any

from pipelines.running import jobs_running
from pipelines.terminal import grid
from releases.bundle import read_bundle
from releases.home import Home, Published
from releases.policy import read_frozen_policy
from releases.retention import size_of
from releases.week import read_week_about
from tables.moment import from_micros
from tables.refusal import Refused
from tables.sealed import verify


def status(home: Home) -> dict[str, Any]:
    """Every published part is verified; a damaged one is named, not hidden."""
    states = home.states()
    now = states[0] if states else Published()
    shelves = (home.incoming, home.bases, home.bundles, home.policies, home.weeks, home.runs)
    return {
        "home": str(home.path),
        "published_at": now.at or None,
        "parts": {part: _verified(home, part, getattr(now, part)) for part in ("bundle", "policy", "week")},
        "can_roll_back": len(states) > 1,
        "weeks": _weeks(home, states),
        "disk_bytes": {shelf.name: size_of(shelf) for shelf in shelves},
        "unfinished": _unfinished(home),
        "running": jobs_running(home.path),
    }


def refuse_damage(result: dict[str, Any]) -> None:
    """What `status` found, for those who look at the exit code only; raises Refused."""
    if damaged := [part for part, each in result["parts"].items() if each["whole"] is False]:
        raise Refused(
            f"what is published is damaged: {', '.join(damaged)}; publish again, or `holdfast rollback`"
        )


def rollback(home: Home, week: str | None = None) -> dict[str, Any]:
    """Verify all that the state to go back to names, and the base of its week, then set the pointer to it."""
    then = home.before(week)[0]
    for part in ("bundle", "policy", "week"):
        if name := getattr(then, part):
            _read(home, part, name)
    if then.week:
        verify(home.bases / home.base_of(then.week))
    return vars(home.roll_back(week))


def _weeks(home: Home, states: list[Published]) -> list[dict[str, Any]]:
    """The weeks one can go back to, the newest first; they are verified when one does."""
    found: dict[str, dict[str, Any]] = {}
    for state in states:
        if state.week and state.week not in found:
            size = size_of(home.weeks / state.week)
            found[state.week] = {"week": state.week, "published_at": state.at, "bytes": size}
    return list(found.values())


def _unfinished(home: Home) -> list[dict[str, Any]]:
    """Runs that have not published their week: they go on, or wait to be resumed."""
    return [
        {"run": run.name, "finished_buckets": len(list(run.glob("bucket-*[0-9]")))}
        for run in sorted(home.runs.glob("*"))
        if run.is_dir()
    ]


def _verified(home: Home, part: str, name: str) -> dict[str, Any]:
    if not name:
        return {"name": None, "whole": None, "says": "not published yet"}
    try:
        return {"name": name, "whole": True, **_read(home, part, name)}
    except Refused as error:
        return {"name": name, "whole": False, "says": str(error)}


def _read(home: Home, part: str, name: str) -> dict[str, Any]:
    key = home.key()
    if part == "bundle":
        bundle = read_bundle(home.bundles / name, key)
        return _aged(bundle.about["as_of"], f"who {bundle.question.leaving}; trained as of")
    if part == "policy":
        frozen = read_frozen_policy(home.policies / name, key)
        return {"says": f"policy {frozen.policy.name!r} with {len(frozen.offers)} offers"}
    about = read_week_about(home.weeks / name, key)
    return _aged(from_micros(about.moment).isoformat(), f"{about.customers:,} customers as of")


def _aged(moment: str, says: str) -> dict[str, Any]:
    age = datetime.now(UTC) - datetime.fromisoformat(moment)
    return {"says": f"{says} {moment}", "age_days": round(age.total_seconds() / 86_400, 1)}


def render_status(result: dict[str, Any]) -> list[Any]:
    rows = [
        [
            part,
            each["name"] or "-",
            {True: "yes", False: "NO", None: "-"}[each["whole"]],
            each["says"],
            str(each.get("age_days", "-")),
        ]
        for part, each in result["parts"].items()
    ]
    weeks = [
        [each["week"], each["published_at"] or "-", f"{each['bytes'] / 1e6:,.1f}"] for each in result["weeks"]
    ]
    disk = result["disk_bytes"]
    parts: list[Any] = [
        grid(f"Published in {result['home']}", ["part", "name", "whole", "says", "days old"], rows),
        grid("Weeks kept, the newest first", ["week", "published at", "MB"], weeks),
        f"On disk {sum(disk.values()) / 1e9:,.2f} GB: "
        + ", ".join(f"{shelf} {size / 1e9:,.2f}" for shelf, size in disk.items()),
    ]
    parts += [
        f"Run {each['run']} is not published yet: {each['finished_buckets']} buckets are finished "
        "(`holdfast score --resume` goes on from them)"
        for each in result["unfinished"]
    ]
    running = [[job["job"], job["process"], job["since"]] for job in result["running"]]
    parts.append(grid("Running", ["job", "process", "since"], running) if running else "Nothing is running.")
    return parts


def render_rollback(result: dict[str, Any]) -> list[Any]:
    return [
        f"Published again: bundle {result['bundle'] or '-'}, policy {result['policy'] or '-'}, "
        f"week {result['week'] or '-'} (of {result['at']})"
    ]
