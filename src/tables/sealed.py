"""Sealed folders: immutable, named by the hash of their content, with a manifest; and their pointer.

Whatever is killed or filled up, a reader sees the folder of before or the complete new one: a folder is
written aside, flushed to disk, renamed into place, and only then does the pointer move.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tables.refusal import Refused

MANIFEST = "manifest.json"
SIGNATURE = "signature"
CURRENT = "current"
STAGING = ".staging-"


class Staged:
    """A folder being written; after the `with` block, `path` is where it stands sealed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = ""


def file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1) + "\n"


@contextmanager
def sealed_folder(shelf: Path) -> Iterator[Staged]:
    """Stage a folder in `shelf`; seal it under its content's hash when the block ends without an error."""
    shelf.mkdir(parents=True, exist_ok=True)
    _sweep(shelf)
    staged = Staged(shelf / f"{STAGING}{os.getpid()}")
    shutil.rmtree(staged.path, ignore_errors=True)
    staged.path.mkdir()
    try:
        yield staged
        files = sorted(p for p in staged.path.rglob("*") if p.is_file())
        manifest = {p.relative_to(staged.path).as_posix(): file_hash(p) for p in files}
        text = canonical_json({"files": manifest})
        write_whole(staged.path / MANIFEST, text)
        for path in files:
            _flush(path)
        for folder in {path.parent for path in files} | {staged.path}:
            _flush(folder)
        staged.name = hashlib.sha256(text.encode()).hexdigest()[:16]
        target = shelf / staged.name
        if target.exists() and _is_whole(target):  # the same content was sealed before
            shutil.rmtree(staged.path)
        else:
            if target.exists():  # damaged since: nobody may be served from it
                shutil.rmtree(target)
            staged.path.rename(target)
            _flush(shelf)
        staged.path = target
    except BaseException:
        shutil.rmtree(staged.path, ignore_errors=True)
        raise


def point(shelf: Path, name: str) -> None:
    """Make the sealed folder `name` the current one of its shelf, at once."""
    write_whole(shelf / CURRENT, name + "\n")


def pointed(shelf: Path) -> Path | None:
    """The shelf's current folder, or None before there is one."""
    try:
        return shelf / (shelf / CURRENT).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def verify(folder: Path) -> dict[str, str]:
    """Check name, manifest and every file's SHA-256; return the manifest. Nothing else may be trusted."""
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
        manifest: dict[str, str] = json.loads(text)["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f"{folder}: its {MANIFEST} cannot be read ({error}); publish it anew") from error
    came = hashlib.sha256(text.encode()).hexdigest()[:16]
    if came != folder.name:
        raise Refused(f"{folder}: the folder's name is not the hash of its manifest ({came})")
    own = {MANIFEST, SIGNATURE}
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - own
    if present != set(manifest):
        raise Refused(
            f"{folder}: expected the files {sorted(manifest)}, found {sorted(present)}; publish it anew"
        )
    for name, expected in manifest.items():
        if file_hash(folder / name) != expected:
            raise Refused(f"{folder / name}: damaged, its SHA-256 is not {expected[:12]}…")
    return manifest


def _is_whole(folder: Path) -> bool:
    try:
        verify(folder)
    except Refused:
        return False
    return True


def write_whole(path: Path, text: str) -> None:
    """Replace a small file at once: readers see the old text or the new, never a part."""
    aside = path.with_name(f"{path.name}{STAGING}{os.getpid()}")
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    _flush(path.parent)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(shelf: Path) -> None:
    """Remove what dead processes left behind."""
    for left in shelf.glob(f"*{STAGING}*"):
        owner = left.name.rpartition("-")[2]
        if owner.isdigit() and int(owner) != os.getpid() and not _is_running(int(owner)):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
