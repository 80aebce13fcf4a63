"""The bounds file: read by class, wrong words named by line."""

from pathlib import Path

import pytest

from decisions.bounds import Bound, Floor, read_bounds
from tables.refusal import Refused


@pytest.fixture
def text(root: Path) -> str:
    return (root / "config/watch.yaml").read_text(encoding="utf-8")


def test_the_file_that_comes_along_is_whole(root: Path) -> None:
    bounds = read_bounds(root / "config/watch.yaml")
    assert bounds.alert.command == ()
    assert bounds.facts.last_week.psi.stop is not None


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("psi: {warn: 0.1, stop: 0.5}", "psi: {warn: 0.7, stop: 0.5}", "stop lies below warn"),
        ("rows: {warn: 0.7, stop: 0.2}", "rows: {warn: 0.1, stop: 0.2}", "stop lies above warn"),
        ("lost: {warn: 0.06", "lst: {warn: 0.06", "Extra inputs are not permitted"),
        ("seconds: 60", "seconds: 0", "greater than 0"),
        ("seconds: 60", "seconds: soon", "valid number"),
        ("command: []", "command: notify --channel x", "tuple"),
        ("table_gone: stop", "table_gone: panic", "'stop' or 'warn'"),
    ],
)
def test_a_mistake_is_named_by_line(tmp_path: Path, text: str, old: str, new: str, says: str) -> None:
    path = tmp_path / "watch.yaml"
    assert old in text
    line = text[: text.index(old)].count("\n") + 1
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(Refused, match=says) as refused:
        read_bounds(path)
    assert f"watch.yaml:{line}: " in str(refused.value)


@pytest.mark.parametrize(
    ("figure", "level"),
    [(0.0, None), (0.1, None), (0.11, "warn"), (0.5, "warn"), (0.51, "stop"), (float("nan"), None)],
)
def test_a_bound_is_broken_from_above(figure: float, level: str | None) -> None:
    broken = Bound(warn=0.1, stop=0.5).broken(figure)
    assert (broken and broken[0]) == level


@pytest.mark.parametrize(("figure", "level"), [(0.1, "stop"), (0.2, "warn"), (0.5, None), (9.0, None)])
def test_a_floor_is_broken_from_below(figure: float, level: str | None) -> None:
    broken = Floor(warn=0.5, stop=0.2).broken(figure)
    assert (broken and broken[0]) == level


def test_what_is_not_bounded_is_not_judged() -> None:
    assert Bound().broken(1e9) is None
    assert Floor().broken(0) is None
