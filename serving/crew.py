"""The workers of one server: what each serves and could serve, so that all of them change together.

Each has a file in the server's folder and holds the kernel's lock on another one as long as it lives.
"""

import fcntl
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from releases.home import Published
from tables.refusal import Refused
from tables.sealed import write_whole

# A worker that needs so much longer than the first is not waited for: the others go on without it.
SECONDS_FOR_OTHERS = 60.0
SECONDS_BETWEEN_LOOKS = 0.02
LAST_SERVED = "served.json"
log = logging.getLogger("bentoml.holdfast")


@dataclass(frozen=True)
class Standing:
    """What a worker says of itself. ready: verified and loaded aside, to be served once all can; refused:
    what it was asked to serve last and did not; moment, last_event: of the week and the base that it serves,
    microseconds."""

    worker: int
    process: int
    serving: Published | None = None
    ready: Published | None = None
    refused: Published | None = None
    moment: int = 0
    last_event: int = 0
    counters_down: bool = False


class Crew:
    """One worker's view of the workers of its server; for one thread that tells and any that look."""

    def __init__(self, folder: Path, worker: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.worker = worker
        self._parent = os.getppid()
        self._lock = os.open(self._path(worker, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
        # A worker that looks whether this one lives has it for an instant; a dead one has let go.
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.mine = Standing(worker, os.getpid())
        self.tell()

    @property
    def is_orphaned(self) -> bool:
        """Whether the supervisor is gone: nobody would stop this worker or start it anew."""
        return os.getppid() != self._parent

    def last_served(self) -> Published | None:
        """What this server served last, so that a worker that is started anew says what the others say."""
        try:
            return Published(**json.loads((self.folder / LAST_SERVED).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def tell(self, **changes: Any) -> None:
        self.mine = replace(self.mine, **changes)
        write_whole(self._path(self.worker, "json"), json.dumps(asdict(self.mine)))

    def serves(self, published: Published, moment: int, last_event: int) -> None:
        """This is served from now on."""
        self.tell(serving=published, ready=None, refused=None, moment=moment, last_event=last_event)
        write_whole(self.folder / LAST_SERVED, json.dumps(asdict(published)))

    def agree(self, published: Published, has_moved: Callable[[], bool]) -> bool:
        """Wait until all who serve can serve this as well; False when the pointer moved meanwhile.

        Raises Refused when one of the others refuses it: then nobody serves it.
        """
        self.tell(ready=published, refused=None)
        until = time.monotonic() + SECONDS_FOR_OTHERS
        while True:
            others = [each for each in self.others() if each.serving]
            if any(each.refused == published for each in others):
                raise Refused("another worker of this server refuses it: its reason stands in the log")
            waiting = [each.worker for each in others if published not in (each.serving, each.ready)]
            if not waiting:
                return True
            if has_moved():
                self.tell(ready=None)
                return False
            if time.monotonic() > until:
                log.error("not waited for: workers %s, which still load or hang", waiting)
                return True
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def others(self) -> list[Standing]:
        """What the other workers that live say of themselves."""
        return [each for each in self.all() if each.worker != self.worker]

    def all(self) -> list[Standing]:
        return [
            _standing(path)
            for path in sorted(self.folder.glob("worker-*.json"))
            if self._is_alive(int(path.stem.removeprefix("worker-")))
        ]

    def close(self) -> None:
        os.close(self._lock)

    def _is_alive(self, worker: int) -> bool:
        if worker == self.worker:
            return True
        handle = os.open(self._path(worker, "lock"), os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def _path(self, worker: int, kind: str) -> Path:
        return self.folder / f"worker-{worker}.{kind}"


def _standing(path: Path) -> Standing:
    said = json.loads(path.read_text(encoding="utf-8"))
    for name in ("serving", "ready", "refused"):
        said[name] = Published(**said[name]) if said[name] else None
    return Standing(**said)
