"""A weekly run: what identifies it, and where its finished buckets stand until the week is published."""

import hashlib
import importlib
import importlib.metadata
import json
import shutil
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.bucket import Bucket, is_finished
from releases.home import Home
from tables.sealed import canonical_json, write_whole

FILE = "run.json"
ROOMS = ("tables", "features", "models", "decisions", "releases", "pipelines")
LIBRARIES = ("lightgbm", "numba", "numpy", "pyarrow")


@dataclass(frozen=True)
class Identity:
    """All that a week's content depends on; no clock is part of it. Two runs that agree in this may share
    their buckets; whatever differs makes another run."""

    base: str
    buckets: str
    bundle: str
    policy: str
    last_week: str
    moment: int
    code: str

    @property
    def name(self) -> str:
        return hashlib.sha256(canonical_json(asdict(self)).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Run:
    """The folder of a run. `found`: the whole buckets that stood in it when it was taken up again."""

    folder: Path
    found: frozenset[int] = frozenset()

    def path(self, number: int) -> Path:
        return self.folder / f"bucket-{number:03}"

    def bucket(self, number: int) -> Bucket:
        return Bucket(self.path(number))

    def end(self) -> None:
        """The week is published: what it was made of is not needed any more."""
        shutil.rmtree(self.folder)


def take_up(home: Home, identity: Identity, buckets: int, *, resume: bool) -> tuple[Run, list[str]]:
    """The run's folder, and what there is to say of leftovers. Whoever calls holds the home's lock.

    What other runs left is removed, and without `resume` what this one left too.
    """
    folder = home.runs / identity.name
    said = []
    for left in sorted(home.runs.iterdir()) if home.runs.is_dir() else ():
        if left != folder:
            said.append(f"removed what another unfinished run left ({left.name}); it cannot be resumed here")
        elif not resume:
            said.append(
                "removed what an unfinished run of this week left; --resume would have gone on from it"
            )
        if left != folder or not resume:
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(folder)
    if resume:
        run = Run(folder, frozenset(k for k in range(buckets) if is_finished(run.path(k))))
        said.append(f"resuming: {len(run.found)} of {buckets} buckets are finished")
    write_whole(folder / FILE, json.dumps(asdict(identity), indent=1) + "\n")
    return run, said


def borders_hash(buckets: npt.NDArray[np.int64]) -> str:
    return hashlib.sha256(np.ascontiguousarray(buckets, np.int64).tobytes()).hexdigest()[:16]


@cache
def code_version() -> str:
    """A hash of the text of every room and of the versions of the libraries that compute."""
    digest = hashlib.sha256()
    for library in LIBRARIES:
        digest.update(f"{library} {importlib.metadata.version(library)}\n".encode())
    for room in ROOMS:
        for path in sorted(Path(importlib.import_module(room).__path__[0]).glob("*.py")):
            digest.update(f"{room}/{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]
