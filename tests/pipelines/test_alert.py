"""The alert command: a real process that is told, fails, or hangs."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from decisions.bounds import Alert
from pipelines.alert import call_alert


def python(text: str, seconds: float = 20) -> Alert:
    return Alert(command=(sys.executable, "-c", text), seconds=seconds)


def test_the_command_is_told_by_environment_and_standard_input(tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    alert = python(
        "import json, os, sys; json.dump([sys.stdin.read(), "
        "{k: v for k, v in os.environ.items() if k.startswith('HOLDFAST_')}], open(sys.argv[1], 'w'))"
    )
    alert = Alert(command=(*alert.command, str(told)), seconds=20)
    page = tmp_path / "week.html"
    assert call_alert(alert, "stop", "the week was kept back; $(rm -rf ~)", page) == ""
    asked, environment = json.loads(told.read_text())
    assert asked == "the week was kept back; $(rm -rf ~)\n"
    assert environment["HOLDFAST_VERDICT"] == "stop"
    assert environment["HOLDFAST_REPORT"] == str(page)
    assert environment["HOLDFAST_REPORT_JSON"] == str(tmp_path / "week.json")
    assert environment["HOLDFAST_SUMMARY"] == asked.strip()


def test_nothing_is_called_where_nothing_is_configured(tmp_path: Path) -> None:
    assert call_alert(Alert(), "stop", "", tmp_path) == ""


@pytest.mark.parametrize(
    ("alert", "says"),
    [
        (Alert(command=("/no/such/command",)), "could not be started"),
        (Alert(command=("a\0b",)), "could not be started"),
        (
            python("import sys; print('no route to host', file=sys.stderr); sys.exit(3)"),
            "ended with 3: no route",
        ),
        (python("import sys; sys.stderr.write('x' * 10**6); sys.exit(1)"), "ended with 1: xxx"),
    ],
    ids=["not there", "not a name", "fails", "talks too much"],
)
def test_what_goes_wrong_is_said_and_harms_nothing(tmp_path: Path, alert: Alert, says: str) -> None:
    said = call_alert(alert, "stop", "summary", tmp_path / "week.html")
    assert says in said
    assert len(said) < 600


def test_a_command_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    """The child ignores the polite signal and keeps every inherited end open."""
    note = tmp_path / "child"
    text = (
        "import os, signal, sys, time\n"
        "if (child := os.fork()) == 0:\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    time.sleep(600)\n"
        f"open({str(note)!r}, 'w').write(str(child))\n"
        "time.sleep(600)\n"
    )
    begun = time.monotonic()
    said = call_alert(python(text, seconds=3), "stop", "summary", tmp_path / "week.html")
    assert "was stopped after 3 seconds" in said
    assert time.monotonic() - begun < 30
    child = int(note.read_text())
    for _ in range(100):
        if not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]:
            return
        time.sleep(0.05)
    os.kill(child, 9)
    pytest.fail("the child outlived the time limit")
