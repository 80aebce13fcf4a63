"""`python -m serving.run`: starts the service with its workers, greets, and ends it gracefully."""

import argparse
import ipaddress
import os
import shutil
import signal
import socket
import ssl
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

from releases.access import create_first
from releases.home import Home
from serving.variable import AUDIT, EXAMPLE, SERVER, WORKERS
from tables.refusal import Refused

# Before BentoML is imported: it reports usage, and binds to every address, unless told not to.
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")
os.environ.setdefault("OTEL_SDK_DISABLED", "true")
SECONDS_UNTIL_READY = 300
# What runs when the server is told to end has so long to finish; then its worker is killed.
SECONDS_TO_DRAIN = 20.0
# BentoML's supervisor looks every 10 seconds whether a worker died.
SECONDS_BETWEEN_LOOKS = 0.25


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m serving.run", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="IP address to listen on")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--workers", type=int, default=None, help="processes; by default one a core")
    parser.add_argument("--certificate", type=_file, help="PEM file; with it, HTTPS is spoken")
    parser.add_argument("--private-key", type=_file, help="PEM file of the certificate's key")
    asked = parser.parse_args()
    workers = len(os.sched_getaffinity(0)) if asked.workers is None else asked.workers
    if workers < 1:
        parser.error(f"--workers: expected 1 or more; came {workers}")
    home = Path(os.environ.get("HOLDFAST_HOME", "home")).resolve()
    # The workers run in another folder.
    os.environ["HOLDFAST_HOME"] = str(home)
    if audit := os.environ.get(AUDIT):
        os.environ[AUDIT] = str(Path(audit).resolve())
    try:
        _check_free(asked.host, asked.port)
    except (OSError, ValueError) as error:
        sys.exit(f"cannot listen on {asked.host}:{asked.port}: {error}; choose another --host or --port")
    try:
        key = create_first(Home(home))
    except (Refused, OSError) as error:
        sys.exit(f"refused: {error}")
    url = _url("https" if asked.certificate else "http", asked.host, asked.port)
    folder = Path(tempfile.mkdtemp(prefix="holdfast-server-"))
    os.environ |= {WORKERS: str(workers), SERVER: str(folder)}
    os.environ.setdefault("BENTOML_HOME", str(folder / "bentoml"))
    ended = threading.Event()
    threading.Thread(target=_greet, args=(folder / EXAMPLE, url, key, ended), daemon=True).start()
    try:
        _serve_until_told(asked)
    finally:
        ended.set()
        shutil.rmtree(folder, ignore_errors=True)


def _serve_until_told(asked: argparse.Namespace) -> None:
    """Returns after SIGTERM or SIGINT, once every worker ended; ends the process with 1 when they end by
    themselves."""
    import bentoml  # noqa: PLC0415

    server = bentoml.serve(
        "serving.service:service",
        host=asked.host,
        port=asked.port,
        working_dir=str(Path(__file__).parent.parent),
        ssl_certfile=asked.certificate,
        ssl_keyfile=asked.private_key,
    )
    told = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: told.set())
    arbiter = server.arbiter
    while not server.running and not told.wait(0.01):
        pass
    for watcher in arbiter.watchers:
        watcher.graceful_timeout = SECONDS_TO_DRAIN
    arbiter.loop.add_callback(_look_often, arbiter.ctrl.caller)
    while server.running and not told.wait(0.2):
        pass
    if not told.is_set():
        sys.exit("the service ended by itself; the log says why")
    # Who connects from now on is refused at once instead of waiting for a worker that does not come.
    arbiter.loop.add_callback(arbiter.sockets.close_all)
    server.stop()


def _look_often(caller: Any) -> None:
    caller.stop()
    caller.callback_time = SECONDS_BETWEEN_LOOKS * 1000
    caller.start()


def _file(text: str) -> str:
    path = Path(text).resolve()
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{path}: there is no such file")
    return str(path)


def _check_free(host: str, port: int) -> None:
    """BentoML takes IP addresses only, and would start its supervisor before it finds the port taken."""
    family = socket.AF_INET if ipaddress.ip_address(host).version == 4 else socket.AF_INET6
    socket.create_server((host, port), family=family).close()


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _greet(example: Path, url: str, key: str | None, ended: threading.Event) -> None:
    """Print one request to try, as soon as it will be answered. example: the file in which a worker names a
    customer; key: the home's first, shown this once."""
    # Asks this process's own child whether it is ready, and tells it nothing: who it is does not matter.
    nobody = ssl._create_unverified_context() if url.startswith("https") else None
    until = time.monotonic() + SECONDS_UNTIL_READY
    while time.monotonic() < until:
        try:
            customer = example.read_text(encoding="utf-8")
            with urllib.request.urlopen(f"{url}/readyz", timeout=1, context=nobody):
                break
        except OSError:
            if ended.wait(0.1):
                return
    else:
        return
    body = f'{{"customer_ids": ["{customer}"]}}'
    bearer = f"'authorization: Bearer {key}'" if key else '"authorization: Bearer $HOLDFAST_KEY"'
    print(
        f"Try: curl -s {url}/v1/score -H {bearer} -H 'content-type: application/json' -d '{body}'", flush=True
    )


if __name__ == "__main__":
    main()
