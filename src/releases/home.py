"""Where things stand: one folder holds what came in, what was checked, and what was published."""

import contextlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from releases.signature import signing_key
from tables.refusal import Refused
from tables.sealed import pointed, write_whole

# More than the weeks that config/home.yaml keeps (releases.retention): promotions are states too.
STATES_KEPT = 200
WEEK_ABOUT = "week.json"


@dataclass(frozen=True)
class Published:
    """What the pointer names: folder names of the bundle, the policy and the week ('' where none yet)."""

    bundle: str = ""
    policy: str = ""
    week: str = ""
    at: str = ""


@dataclass(frozen=True)
class Home:
    """The folder of one customer base."""

    path: Path

    @property
    def incoming(self) -> Path:
        return self.path / "incoming"

    @property
    def bases(self) -> Path:
        return self.path / "bases"

    @property
    def bundles(self) -> Path:
        return self.path / "bundles"

    @property
    def policies(self) -> Path:
        return self.path / "policies"

    @property
    def weeks(self) -> Path:
        return self.path / "weeks"

    @property
    def refused(self) -> Path:
        return self.path / "refused"

    @property
    def runs(self) -> Path:
        """What unfinished weekly runs have finished so far."""
        return self.path / "runs"

    @property
    def watch(self) -> Path:
        return self.path / "watch"

    @property
    def gate(self) -> Path:
        """Reports of promotions, granted and refused."""
        return self.path / "gate"

    @property
    def shadows(self) -> Path:
        """What challengers would have said in published weeks; nobody is served from here."""
        return self.path / "shadows"

    @property
    def decisions(self) -> Path:
        """The log of decisions and the customers' keys (releases.decision_log); nothing here is pruned."""
        return self.path / "decisions"

    @property
    def affinity(self) -> Path:
        """What customers will buy next: models of `holdfast affinity`, and which is the current one."""
        return self.path / "affinity"

    @property
    def counters(self) -> Path:
        """What the service counts of what it gave out (releases.counter), where Redis does not."""
        return self.path / "counters"

    @property
    def events(self) -> Path:
        """The journal of what came online (releases.event_journal); nothing here is pruned."""
        return self.path / "events"

    @property
    def counting(self) -> Path:
        """Which store of counters this home began with, so that a lost one is missed."""
        return self.path / "counting"

    @property
    def access(self) -> Path:
        """Who may ask the service (releases.access)."""
        return self.path / "access"

    @property
    def pointer(self) -> Path:
        return self.path / "published.json"

    def key(self) -> bytes:
        self.path.mkdir(parents=True, exist_ok=True)
        return signing_key(self.path)

    def current_incoming(self) -> Path:
        return _there(
            pointed(self.incoming), "no tables came in yet", "holdfast simulate, or holdfast import"
        )

    def current_base(self) -> Path:
        return _there(pointed(self.bases), "no base was checked yet", "holdfast check")

    def states(self) -> list[Published]:
        """What was published, the newest first; empty before anything was."""
        try:
            text = self.pointer.read_text(encoding="utf-8")
            return [Published(**state) for state in json.loads(text)["states"]]
        except FileNotFoundError:
            return []
        except (ValueError, KeyError, TypeError) as error:
            raise Refused(f"{self.pointer}: cannot be read ({error}); restore it or publish anew") from error

    def published(self) -> Published:
        states = self.states()
        return states[0] if states else Published()

    def bases_in_use(self) -> set[str]:
        """The bases that weeks which can be rolled back to were read from."""
        return {base for state in self.states() if (base := self.base_of(state.week))}

    def base_of(self, week: str) -> str:
        """The base a week was read from, '' when it cannot say: a damaged week, which nobody goes back to."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return str(json.loads((self.weeks / week / WEEK_ABOUT).read_text(encoding="utf-8"))["base"])
        return ""

    def publish(self, *, instead_of: Published | None = None, **parts: Any) -> Published:
        """Move the one pointer: the named parts change, the others stay.

        States are in the order they were published in; their clocks (`at`) are for people. Raises Refused
        when the pointer no longer names what it is published `instead_of`.
        """
        if instead_of is not None:
            self.expect(instead_of)
        states = self.states()
        now = Published(**{**(vars(states[0]) if states else {}), **parts})
        unchanged = bool(states) and replace(now, at=states[0].at) == states[0]
        self.keep([now, *states[unchanged:]])
        return now

    def expect(self, began: Published) -> None:
        """Raises Refused when the pointer names something else than it did when a job began."""
        if (now := self.published()) != began:
            raise Refused(_moved(began, now))

    def roll_back(self, week: str | None = None) -> Published:
        """Set the pointer back to what it named before, or to the last state that named `week`."""
        states = self.before(week)
        self.keep(states)
        return states[0]

    def before(self, week: str | None = None) -> list[Published]:
        """What would be left of the states after rolling back."""
        states = self.states()
        if len(states) < 2:
            raise Refused("nothing was published before what is published now")
        if week is None:
            return states[1:]
        for k, state in enumerate(states[1:], start=1):
            if state.week == week and week != states[0].week:
                return states[k:]
        known = ", ".join(dict.fromkeys(state.week for state in states[1:] if state.week != states[0].week))
        raise Refused(f"no week {week!r} to go back to; there are {known or 'none'}: see `holdfast status`")

    def keep(self, states: list[Published]) -> None:
        text = json.dumps({"states": [vars(state) for state in states[:STATES_KEPT]]}, indent=1)
        write_whole(self.pointer, text + "\n")


def _moved(began: Published, now: Published) -> str:
    parts = ("bundle", "policy", "week")
    changes = [
        f"{part} {getattr(began, part) or '-'} became {getattr(now, part) or '-'}"
        for part in parts
        if getattr(began, part) != getattr(now, part)
    ]
    return (
        f"the pointer moved while this job ran ({', '.join(changes) or f'published again at {now.at}'}): "
        "somebody promoted, scored or rolled back. Nothing was published; run `holdfast score` again to "
        "start from what is published now"
    )


def _there(folder: Path | None, missing: str, command: str) -> Path:
    if folder is None or not folder.is_dir():
        raise Refused(f"{missing}; run `{command}` first")
    return folder
