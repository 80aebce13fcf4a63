"""The workers of a server change together, whoever of them is slow, refuses, dies or comes anew."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from releases.home import Home, Published
from serving import crew as crew_module
from serving.crew import Crew
from serving.served import Window
from tables.refusal import Refused

OLD, NEW = Published("b", "p", "w1"), Published("b", "p", "w2")


def never() -> bool:
    return False


@pytest.fixture
def two(tmp_path: Path) -> tuple[Crew, Crew]:
    first, second = Crew(tmp_path, 1), Crew(tmp_path, 2)
    for each in (first, second):
        each.serves(OLD, 0, 0)
    return first, second


def test_nobody_changes_before_all_who_serve_can(two: tuple[Crew, Crew]) -> None:
    first, second = two
    agreed = threading.Event()

    def wait() -> None:
        first.agree(NEW, never)
        agreed.set()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    assert not agreed.wait(0.3)  # as long as the other one loads
    assert second.others()[0].ready == NEW
    assert second.agree(NEW, never)
    thread.join(30)
    assert agreed.is_set()


def test_who_is_not_serving_yet_is_not_waited_for(tmp_path: Path) -> None:
    first, _starting = Crew(tmp_path, 1), Crew(tmp_path, 2)
    first.serves(OLD, 0, 0)
    assert first.agree(NEW, never)


def test_a_dead_worker_is_not_waited_for(two: tuple[Crew, Crew]) -> None:
    first, second = two
    second.close()  # as the kernel does when a process ends
    assert [each.worker for each in first.all()] == [1]
    assert first.agree(NEW, never)


def test_what_one_refuses_nobody_serves(two: tuple[Crew, Crew]) -> None:
    first, second = two
    second.tell(refused=NEW)
    with pytest.raises(Refused, match="another worker"):
        first.agree(NEW, never)


def test_the_pointer_moving_on_ends_the_wait(two: tuple[Crew, Crew]) -> None:
    first, second = two
    assert not first.agree(NEW, lambda: True)
    assert second.others()[0].ready is None


def test_a_worker_that_hangs_is_not_waited_for_for_ever(
    two: tuple[Crew, Crew], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(crew_module, "SECONDS_FOR_OTHERS", 0.1)
    assert two[0].agree(NEW, never)
    assert "not waited for: workers [2]" in caplog.text


def test_a_worker_started_anew_serves_what_the_server_served_not_what_was_refused(
    own_home: Home, tmp_path: Path, other_week: Callable[[Home], str]
) -> None:
    good = own_home.published()
    first = Window(own_home, Crew(tmp_path / "server", 1))
    first.start()
    assert first.served
    damaged = other_week(own_home)
    (own_home.weeks / damaged / "week.json").write_text("{}")
    refused = own_home.publish(week=damaged)
    again = Window(own_home, Crew(tmp_path / "server", 2))
    again.start()
    assert again.served
    assert again.served.published == good
    again.look()
    assert (again.served.published, again.refused) == (good, refused)
    for each in (first, again):
        each.stop()
