"""Telling somebody: the command from the configuration, which may fail or hang without harm."""

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from decisions.bounds import Alert

MOST_SAID = 300


def call_alert(alert: Alert, verdict: str, summary: str, page: Path) -> str:
    """Run the command with the summary on its standard input; returns what went wrong, '' if nothing did.

    Files, not pipes, stand at its ends: a child that it leaves behind cannot keep us waiting.
    """
    if not alert.command:
        return ""
    told = {
        "HOLDFAST_SUMMARY": summary,
        "HOLDFAST_VERDICT": verdict,
        "HOLDFAST_REPORT": str(page.resolve()),
        "HOLDFAST_REPORT_JSON": str(page.resolve().with_suffix(".json")),
    }
    name = alert.command[0]
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as said:
        asked.write(f"{summary}\n".encode())
        asked.seek(0)
        try:
            process = subprocess.Popen(
                alert.command,
                stdin=asked,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env=os.environ | told,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return f"the alert command {name} could not be started ({error})"
        try:
            code = process.wait(timeout=alert.seconds)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"the alert command {name} was stopped after {alert.seconds:g} seconds"
        if code == 0:
            return ""
        said.seek(0)
        words = said.read(MOST_SAID).decode(errors="replace").strip()
        return f"the alert command {name} ended with {code}" + (f": {words}" if words else "")
