"""Sealed folders: named by content, complete or absent, and no damage goes unseen."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tables.refusal import Refused
from tables.sealed import MANIFEST, FileHashes, file_hash, point, pointed, sealed_folder, verify

# Seals folders with growing numbers in them, one after the other, and points at each.
WRITER = """
import itertools, sys
from pathlib import Path
from tables.sealed import point, sealed_folder
shelf = Path(sys.argv[1])
print("ready", flush=True)
for k in itertools.count(int(sys.argv[2])):
    with sealed_folder(shelf) as staged:
        for part in range(4):
            (staged.path / f"part-{part}").write_text(f"{k}" * 2000)
    point(shelf, staged.name)
"""


def seal(shelf: Path, **files: str) -> Path:
    with sealed_folder(shelf) as staged:
        for name, text in files.items():
            path = staged.path / name.replace("__", "/")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    return staged.path


def test_the_same_content_has_the_same_name_and_other_content_another(tmp_path: Path) -> None:
    first = seal(tmp_path / "one", a="1", b="2")
    again = seal(tmp_path / "two", b="2", a="1")
    assert first.name == again.name
    assert seal(tmp_path / "one", a="1", b="2") == first
    assert (
        len({first.name, seal(tmp_path / "one", a="1", b="3").name, seal(tmp_path / "one", a="1").name}) == 3
    )


def test_a_sealed_folder_is_whole_and_names_its_files(tmp_path: Path) -> None:
    assert set(verify(seal(tmp_path, a="1", inside__b="2"))) == {"a", "inside/b"}


def test_nothing_points_before_something_is_published(tmp_path: Path) -> None:
    assert pointed(tmp_path) is None
    folder = seal(tmp_path, a="1")
    assert pointed(tmp_path) is None
    point(tmp_path, folder.name)
    assert pointed(tmp_path) == folder


def test_an_error_while_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    def write() -> None:
        with sealed_folder(tmp_path) as staged:
            (staged.path / "a").write_text("1")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write()
    assert list(tmp_path.iterdir()) == []


def _flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def test_every_single_flipped_bit_of_every_file_is_refused(tmp_path: Path) -> None:
    folder = seal(tmp_path, a="some words", inside__b="0")
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        for bit in range(8 * path.stat().st_size):
            _flip(path, bit)
            with pytest.raises(Refused, match=folder.name):
                verify(folder)
            _flip(path, bit)
    assert verify(folder)


@pytest.mark.parametrize("name", ["a", "inside/b", MANIFEST])
def test_every_cut_of_every_file_is_refused(tmp_path: Path, name: str) -> None:
    folder = seal(tmp_path, a="some words", inside__b="0")
    whole = (folder / name).read_bytes()
    for length in range(len(whole)):
        (folder / name).write_bytes(whole[:length])
        with pytest.raises(Refused):
            verify(folder)


def _aged(folder: Path) -> Path:
    """Written an hour ago."""
    for path in (p for p in folder.rglob("*") if p.is_file()):
        os.utime(path, (time.time() - 3600,) * 2)
    return folder


def test_a_file_is_hashed_once_for_all_folders_that_share_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = _aged(seal(tmp_path, a="some words", inside__b="0"))
    with sealed_folder(tmp_path) as staged:
        staged.link(one / "a", "a", verify(one)["a"])
        (staged.path / "c").write_text("1")
    _aged(staged.path)
    read: list[str] = []

    def counted(path: Path) -> str:
        read.append(path.name)
        return file_hash(path)

    monkeypatch.setattr("tables.sealed.file_hash", counted)
    hash_of = FileHashes()
    for folder in (one, staged.path, one):
        verify(folder, hash_of=hash_of)
    assert sorted(read) == ["a", "b", "c"]


@pytest.mark.parametrize("is_aged", [True, False])
def test_what_was_damaged_since_it_was_hashed_is_refused(tmp_path: Path, is_aged: bool) -> None:
    folder = seal(tmp_path, a="some words", inside__b="0")
    if is_aged:
        _aged(folder)
    hash_of = FileHashes()
    verify(folder, hash_of=hash_of)
    for bit in range(80):
        _flip(folder / "a", bit)
        with pytest.raises(Refused, match=folder.name):
            verify(folder, hash_of=hash_of)
        _flip(folder / "a", bit)
    assert verify(folder, hash_of=hash_of)


def _move(folder: Path) -> Path:
    return folder.rename(folder.with_name("0" * 16))


DAMAGES: dict[str, Callable[[Path], Path]] = {
    "a file more": lambda folder: (folder / "c").write_text("1") and folder,
    "a file more, deeper": lambda folder: (folder / "inside" / "c").write_text("1") and folder,
    "a file less": lambda folder: (folder / "a").unlink() or folder,
    "no manifest": lambda folder: (folder / MANIFEST).unlink() or folder,
    "another manifest": lambda folder: (folder / MANIFEST).write_text('{"files": {}}') and folder,
    "no object": lambda folder: (folder / MANIFEST).write_text("[]") and folder,
    "another name": _move,
    "a file under another name": lambda folder: (folder / "a").rename(folder / "d").parent,
    "two files exchanged": lambda folder: (
        (folder / "a").write_text("0") and (folder / "inside" / "b").write_text("some words") and folder
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_folder_is_refused(tmp_path: Path, damage: Callable[[Path], Path]) -> None:
    folder = damage(seal(tmp_path, a="some words", inside__b="0"))
    with pytest.raises(Refused):
        verify(folder)


def test_killed_at_any_moment_a_reader_sees_the_old_folder_or_the_complete_new_one(tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    point(seal(shelf, a="the first").parent, seal(shelf, a="the first").name)
    delays = random.Random(20)
    seen = set()
    for k in range(12):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(shelf), str(1000 * k)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"
        time.sleep(delays.uniform(0.002, 0.1))
        writer.send_signal(signal.SIGKILL)
        assert writer.wait() == -signal.SIGKILL
        writer.stdout.close()
        current = pointed(shelf)
        assert current
        verify(current)
        seen.add(current.name)
        for folder in shelf.iterdir():  # whatever carries a sealed name is complete
            if folder.is_dir() and not folder.name.startswith("."):
                verify(folder)
    assert len(seen) > 1
    seal(shelf, a="after all")
    assert [left.name for left in shelf.iterdir() if "staging" in left.name] == []


def test_what_a_dead_process_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    living = os.getppid()
    for owner in (ended.pid, living):
        (tmp_path / f".staging-{owner}").mkdir()
        (tmp_path / f"current.staging-{owner}").write_text("half")
    seal(tmp_path, a="1")
    left = {path.name for path in tmp_path.iterdir() if "staging" in path.name}
    assert left == {f".staging-{living}", f"current.staging-{living}"}


def test_sealing_the_same_content_again_mends_a_damaged_folder(tmp_path: Path) -> None:
    folder = seal(tmp_path, a="some words")
    _flip(folder / "a", 3)
    assert verify(seal(tmp_path, a="some words"))


@pytest.mark.parametrize("name", ["signature", MANIFEST])
def test_a_file_more_is_refused_whatever_its_name(tmp_path: Path, name: str) -> None:
    folder = seal(tmp_path, inside__b="0")
    (folder / "inside" / name).write_text("more")
    with pytest.raises(Refused):
        verify(folder)


def test_a_copy_under_its_own_name_is_whole(tmp_path: Path) -> None:
    folder = seal(tmp_path / "here", a="1")
    assert verify(shutil.copytree(folder, tmp_path / "there" / folder.name)) == verify(folder)
