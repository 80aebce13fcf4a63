"""`python -m serving.run`: starts the service and says, once it is ready, what to ask it."""

import argparse
import ipaddress
import os
import socket
import ssl
import sys
import threading
import time
import urllib.request
from pathlib import Path

from decisions.assess import IN_BASE
from releases.access import create_first
from releases.home import Home
from releases.week import week_parts
from serving.audit import VARIABLE
from tables.refusal import Refused

# Before BentoML is imported: it reports usage, and binds to every address, unless told not to.
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")
os.environ.setdefault("OTEL_SDK_DISABLED", "true")
SECONDS_UNTIL_READY = 300


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m serving.run", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="IP address to listen on")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--certificate", type=_file, help="PEM file; with it, HTTPS is spoken")
    parser.add_argument("--private-key", type=_file, help="PEM file of the certificate's key")
    asked = parser.parse_args()
    home = Path(os.environ.get("HOLDFAST_HOME", "home")).resolve()
    # The worker runs in another folder.
    os.environ["HOLDFAST_HOME"] = str(home)
    if audit := os.environ.get(VARIABLE):
        os.environ[VARIABLE] = str(Path(audit).resolve())
    try:
        _check_free(asked.host, asked.port)
    except (OSError, ValueError) as error:
        sys.exit(f"cannot listen on {asked.host}:{asked.port}: {error}; choose another --host or --port")
    try:
        key = create_first(Home(home))
    except (Refused, OSError) as error:
        sys.exit(f"refused: {error}")
    url = _url("https" if asked.certificate else "http", asked.host, asked.port)
    threading.Thread(target=_greet, args=(Home(home), url, key), daemon=True).start()
    import bentoml  # noqa: PLC0415

    bentoml.serve(
        "serving.service:service",
        host=asked.host,
        port=asked.port,
        working_dir=str(Path(__file__).parent.parent),
        ssl_certfile=asked.certificate,
        ssl_keyfile=asked.private_key,
        blocking=True,
    )


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


def _greet(home: Home, url: str, key: str | None) -> None:
    """Print one request to try, as soon as it will be answered. key: the home's first, shown this once."""
    # Asks this process's own child whether it is ready, and tells it nothing: who it is does not matter.
    nobody = ssl._create_unverified_context() if url.startswith("https") else None
    until = time.monotonic() + SECONDS_UNTIL_READY
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=1, context=nobody):
                break
        except OSError:
            time.sleep(0.2)
    else:
        return
    body = f'{{"customer_ids": ["{example_customer(home)}"]}}'
    bearer = f"'authorization: Bearer {key}'" if key else '"authorization: Bearer $HOLDFAST_KEY"'
    print(
        f"Try: curl -s {url}/v1/score -H {bearer} -H 'content-type: application/json' -d '{body}'", flush=True
    )


def example_customer(home: Home) -> str:
    """Somebody of the published week, with a score where there is one."""
    first = next(week_parts(home.weeks / home.published().week, columns=["customer_id", "status"]))
    rows = first.slice(0, 1000).to_pylist()
    return str(next((row for row in rows if row["status"] == IN_BASE), rows[0])["customer_id"])


if __name__ == "__main__":
    main()
