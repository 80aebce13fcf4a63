"""Where things stand: one folder holds what came in, what was checked, and what was published."""

import contextlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from releases.signature import signing_key
from tables.refusal import Refused
from tables.sealed import pointed, write_whole

STATES_KEPT = 20
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
    def watch(self) -> Path:
        return self.path / "watch"

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
        found = set()
        for state in self.states():
            about = self.weeks / state.week / WEEK_ABOUT
            # A damaged week names no base; `holdfast status` says that it is not whole.
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                found.add(str(json.loads(about.read_text(encoding="utf-8"))["base"]))
        return found

    def publish(self, **parts: Any) -> Published:
        """Move the one pointer: the named parts change, the others stay."""
        states = self.states()
        now = Published(**{**(vars(states[0]) if states else {}), **parts})
        unchanged = bool(states) and replace(now, at=states[0].at) == states[0]
        self._write([now, *states[unchanged:]])
        return now

    def roll_back(self) -> Published:
        """Set the pointer back to what it named before."""
        states = self.states()
        if len(states) < 2:
            raise Refused("nothing was published before what is published now")
        self._write(states[1:])
        return states[1]

    def _write(self, states: list[Published]) -> None:
        text = json.dumps({"states": [vars(state) for state in states[:STATES_KEPT]]}, indent=1)
        write_whole(self.pointer, text + "\n")


def _there(folder: Path | None, missing: str, command: str) -> Path:
    if folder is None or not folder.is_dir():
        raise Refused(f"{missing}; run `{command}` first")
    return folder
