"""Sealed folders: immutable, named by the hash of their content, with a manifest; and their pointer.

Whatever is killed or filled up, a reader sees the folder of before or the complete new one: a folder is
written aside, flushed to disk, renamed into place, and only then does the pointer move.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tables.refusal import Refused

MANIFEST = "manifest.json"
SIGNATURE = "signature"
CURRENT = "current"
STAGING = ".staging-"
SETTLED = 1_000_000_000  # nanoseconds; file systems tell times of change apart by some milliseconds


class Staged:
    """A folder being written; after the `with` block, `path` is where it stands sealed.

    known: hashes of files that need not be read again, by name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = ""
        self.known: dict[str, str] = {}

    def link(self, file: Path, name: str, digest: str) -> None:
        """Let `file` of a sealed folder stand here too, under the hash that it was sealed with."""
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).hardlink_to(file)
        self.known[name] = digest


def file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class FileHashes:
    """SHA-256 of files, of which each is read once for as long as it is the same file, of the same size and
    time of change. For who comes back to folders verified before, or to files that folders share.

    A file changed within SETTLED is read each time: changed once more, it might have the same time.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], str] = {}

    def __call__(self, path: Path) -> str:
        about = path.stat()
        same = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns)
        if (known := self._known.get(same)) is not None:
            return known
        found = file_hash(path)
        if time.time_ns() - about.st_mtime_ns > SETTLED:
            self._known[same] = found
        return found


def canonical_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1) + "\n"


@contextmanager
def sealed_folder(shelf: Path) -> Iterator[Staged]:
    """Stage a folder in `shelf`; seal it under its content's hash when the block ends without an error."""
    shelf.mkdir(parents=True, exist_ok=True)
    sweep(shelf)
    staged = Staged(shelf / f"{STAGING}{os.getpid()}")
    shutil.rmtree(staged.path, ignore_errors=True)
    staged.path.mkdir()
    try:
        yield staged
        text = write_manifest(staged.path, staged.known)
        staged.name = hashlib.sha256(text.encode()).hexdigest()[:16]
        target = shelf / staged.name
        if target.exists() and _is_whole(target):  # the same content was sealed before
            shutil.rmtree(staged.path)
        else:
            if target.exists():  # damaged since: nobody may be served from it
                shutil.rmtree(target)
            move_whole(staged.path, target)
        staged.path = target
    except BaseException:
        shutil.rmtree(staged.path, ignore_errors=True)
        raise


def write_manifest(folder: Path, known: Mapping[str, str] = MappingProxyType({})) -> str:
    """Write down the SHA-256 of every file in the folder and flush all of them to disk; returns the text.

    known: hashes by name of files that are sealed elsewhere too, which are neither read nor flushed.
    """
    named = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}
    manifest = {name: known.get(name) or file_hash(path) for name, path in named.items()}
    files = [path for name, path in named.items() if name not in known]
    text = canonical_json({"files": manifest})
    write_whole(folder / MANIFEST, text)
    for path in files:
        flush(path)
    for each in {path.parent for path in named.values()} | {folder}:
        flush(each)
    return text


def point(shelf: Path, name: str) -> None:
    """Make the sealed folder `name` the current one of its shelf, at once."""
    write_whole(shelf / CURRENT, name + "\n")


def pointed(shelf: Path) -> Path | None:
    """The shelf's current folder, or None before there is one."""
    try:
        return shelf / (shelf / CURRENT).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def verify(
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    hash_of: Callable[[Path], str] = file_hash,
) -> dict[str, str]:
    """Check name, manifest and every file's SHA-256; return the manifest. Nothing else may be trusted.

    progress: told (bytes checked, bytes in all).
    """
    manifest = read_manifest(folder)
    own = {MANIFEST, SIGNATURE}
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - own
    if present != set(manifest):
        raise Refused(
            f"{folder}: expected the files {sorted(manifest)}, found {sorted(present)}; publish it anew"
        )
    sizes = [(folder / name).stat().st_size for name in manifest]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        checked = pool.map(lambda name: verified(folder, manifest, name, hash_of), manifest)
        for k, _ in enumerate(checked, start=1):
            if progress:
                progress(sum(sizes[:k]), sum(sizes))
    return manifest


def read_manifest(folder: Path, *, named: bool = True) -> dict[str, str]:
    """File -> SHA-256. Refused where it cannot be read or, in a folder `named` by its hash, is another's."""
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
        manifest: dict[str, str] = dict(json.loads(text)["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f"{folder}: its {MANIFEST} cannot be read ({error}); publish it anew") from error
    came = hashlib.sha256(text.encode()).hexdigest()[:16]
    if named and came != folder.name:
        raise Refused(f"{folder}: the folder's name is not the hash of its {MANIFEST} ({came})")
    return manifest


def verified(
    folder: Path, manifest: dict[str, str], name: str, hash_of: Callable[[Path], str] = file_hash
) -> Path:
    """The path of one file, which is as its manifest says; Refused if it is not."""
    path = folder / name
    try:
        whole = hash_of(path) == manifest[name]
    except (OSError, KeyError) as error:
        raise Refused(f"{path}: cannot be read ({error}); publish it anew") from error
    if not whole:
        raise Refused(f"{path}: damaged, its SHA-256 is not {manifest[name][:12]}…")
    return path


def _is_whole(folder: Path) -> bool:
    try:
        verify(folder)
    except Refused:
        return False
    return True


def write_whole(path: Path, text: str) -> None:
    """Replace a small file at once: readers see the old text or the new, never a part."""
    aside = path.with_name(f"{path.name}{STAGING}{os.getpid()}")
    try:
        with aside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    flush(path.parent)


def move_whole(folder: Path, target: Path) -> None:
    """Rename a flushed folder into its place, for good."""
    folder.rename(target)
    flush(target.parent)


def flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(shelf: Path, *, alone: bool = False) -> None:
    """Remove what dead processes left behind; `alone`: nobody else may be writing here, so all there is."""
    for left in shelf.glob(f"*{STAGING}*"):
        owner = left.name.rpartition("-")[2]
        if owner.isdigit() and int(owner) != os.getpid() and (alone or not _is_running(int(owner))):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
