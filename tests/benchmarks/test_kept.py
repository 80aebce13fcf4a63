"""An interrupted benchmark measures what is missing, and nothing twice."""

from pathlib import Path

from benchmarks.kept import Kept


def test_what_is_kept_is_not_measured_again(tmp_path: Path) -> None:
    file, asked = tmp_path / "kept.jsonl", []

    def measure(name: str) -> dict[str, float]:
        asked.append(name)
        return {"figure": 1 / 3}

    first = Kept(file)
    assert first.measured("a 0", measure, "a 0") == {"figure": 1 / 3}
    again = Kept(file)
    assert again.measured("a 0", measure, "a 0") == {"figure": 1 / 3}
    again.measured("a 1", measure, "a 1")
    assert asked == ["a 0", "a 1"]


def test_a_line_that_was_cut_off_is_measured_again(tmp_path: Path) -> None:
    file = tmp_path / "kept.jsonl"
    kept = Kept(file)
    kept.measured("a", lambda: 1)
    kept.measured("b", lambda: 2)
    file.write_bytes(file.read_bytes()[:-9])
    again = Kept(file)
    assert again.measured("a", lambda: 7) == 1
    assert again.measured("b", lambda: 3) == 3
    assert Kept(file).measured("b", lambda: 7) == 3


def test_without_a_file_everything_is_measured_once_a_run() -> None:
    kept = Kept(None)
    assert [kept.measured("a", lambda: 1), kept.measured("a", lambda: 2)] == [1, 1]
