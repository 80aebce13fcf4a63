"""The lock of a home."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from releases.lock import FILE, locked
from tables.refusal import Refused


def test_who_comes_second_is_refused_with_the_holder_and_what_to_do(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with (
        locked(home, "check"),
        pytest.raises(
            Refused, match=rf"`holdfast check` is changing it \(process {os.getpid()} on .*, since"
        ),
        locked(home, "score"),
    ):
        pass


def test_after_the_job_the_lock_is_free_however_it_ended(tmp_path: Path) -> None:
    with pytest.raises(KeyError), locked(tmp_path, "check"):
        raise KeyError
    with locked(tmp_path, "score"):
        assert json.loads((tmp_path / FILE).read_text())["job"] == "score"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', '{"job": 5}'])
def test_what_the_file_says_is_for_people_only(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with locked(tmp_path, "score"):
        (tmp_path / FILE).write_text(text)
        with pytest.raises(Refused, match="is changing it"), locked(tmp_path, "check"):
            pass


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    script = "import sys, time; from pathlib import Path; from releases.lock import locked\n"
    script += "with locked(Path(sys.argv[1]), 'train'): print('held', flush=True); time.sleep(600)"
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(Refused, match=f"process {holder.pid} "), locked(tmp_path, "score"):
        pass
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with locked(tmp_path, "score"):
        pass
