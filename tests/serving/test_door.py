"""The door as it stands in a running server: what it opens, to whom, and what it leaves in the logs."""

import ipaddress
import json
import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pyarrow as pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from releases.access import read_keys
from releases.home import Home

ID = "c-0000001"


def test_strangers_get_no_names_and_no_documents(url: str) -> None:
    assert httpx.get(f"{url}/livez").json() == {"status": "alive"}
    assert httpx.get(f"{url}/readyz").json() == {"status": "ready"}
    for path in ("/metrics", "/v1/openapi.json", "/docs.json", "/", f"/v1/customers/{ID}"):
        assert httpx.get(url + path).status_code == 401


def test_nothing_says_what_serves(client: httpx.Client) -> None:
    for response in (
        client.get("/readyz"),
        client.get("/nowhere"),
        client.post("/v1/score", content=b"\xff"),
    ):
        assert "server" not in response.headers
        assert not any(name.startswith("x-bentoml") for name in response.headers)
        assert response.headers["x-content-type-options"] == "nosniff"


def test_a_page_in_a_browser_is_allowed_nothing(client: httpx.Client) -> None:
    asks = {"origin": "https://elsewhere.example", "access-control-request-method": "POST"}
    for response in (
        client.options("/v1/score", headers=asks),
        client.get("/v1/customers/c-0000001", headers=asks),
    ):
        assert not any(name.startswith("access-control-") for name in response.headers)
        assert "set-cookie" not in response.headers


def test_the_only_port_that_is_opened_is_the_one_that_was_asked_for(url: str) -> None:
    opened = [c for c in psutil.net_connections("inet") if c.status in ("LISTEN", "NONE")]
    own = {each.pid for each in _processes(url)}
    assert {c.laddr.port for c in opened if c.pid in own} == {urlsplit(url).port}


def test_no_process_reports_usage(url: str) -> None:
    # What the supervisor sets, its workers inherit; /proc shows only what a process began with.
    workers = [each for each in _processes(url) if "--fd" in each.cmdline()]
    assert workers
    for each in workers:
        environment = each.environ()
        assert (environment["BENTOML_DO_NOT_TRACK"], environment["OTEL_SDK_DISABLED"]) == ("true", "true")


def _processes(url: str) -> list[psutil.Process]:
    """The server's: the supervisor and its workers."""
    port = urlsplit(url).port
    listening = [c for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == port]
    one = psutil.Process(listening[0].pid)
    family = [one, *one.parents(), *one.children(recursive=True)]
    return [each for each in family if "serving" in " ".join(each.cmdline())]


def test_a_key_made_by_the_command_opens_and_a_revoked_one_does_not(
    url: str, published: Path, holdfast: Callable[..., Any]
) -> None:
    made = holdfast("keys", "create", "shop", "--scope", "score", "--rate", "50", "--home", published)
    asked = {"json": {"customer_ids": [ID]}, "headers": {"authorization": f"Bearer {made['key']}"}}
    _until(lambda: httpx.post(f"{url}/v1/score", **asked).status_code == 200)
    assert httpx.post(f"{url}/v1/next-best-offer", **asked).status_code == 403
    rotated = holdfast("keys", "rotate", "shop", "--hours", "1", "--home", published)
    assert rotated["old"][0]["id"] == made["id"]
    after = {"authorization": f"Bearer {rotated['key']}"}
    _until(lambda: httpx.post(f"{url}/v1/score", json=asked["json"], headers=after).status_code == 200)
    assert httpx.post(f"{url}/v1/score", **asked).status_code == 200
    holdfast("keys", "revoke", "shop", "--home", published)
    _until(lambda: httpx.post(f"{url}/v1/score", **asked).status_code == 401)
    listed = holdfast("keys", "list", "--home", published)["keys"]
    assert [each["is_good"] for each in listed if each["name"] == "shop"] == [False, False]
    assert "digest" not in json.dumps(listed)


def test_a_decision_leaves_a_line_and_no_log_names_a_customer(
    client: httpx.Client, url: str, audit: Path, log: Path, published: Path, week: pa.Table
) -> None:
    known = week["customer_id"].to_pylist()
    made = client.post("/v1/next-best-offer", json={"customer_ids": known[:5]}).json()
    client.post("/v1/score", json={"customer_ids": known[:1000]})
    client.get(f"/v1/customers/{known[7]}")
    client.post("/v1/score", json={"customer_ids": [*known[:3], "somebody-unheard-of"]})
    client.post("/v1/score", content=json.dumps({"customer_ids": [known[9]] * 2}), headers={"a": known[9]})
    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    decided = [each["decision_id"] for each in made["customers"]]
    (line,) = [line for line in lines if line["decisions"] == decided]
    assert (line["name"], line["route"], line["status"]) == ("tests", "/v1/next-best-offer", 200)
    assert len(set(line["customers"])) == 5
    assert (line["bundle"], line["week"]) == (made["bundle"], made["week"])
    unknown = next(line for line in reversed(lines) if line["status"] == 404)
    assert (unknown["route"], len(unknown["customers"])) == ("/v1/score", 4)
    # The greeting is for who started the server; it names one customer to try.
    logged = "".join(line for line in log.read_text().splitlines(True) if not line.startswith("Try: "))
    everything = logged + audit.read_text()
    told = {*known, "somebody-unheard-of"}
    assert [line for line in everything.splitlines() if told & set(re.findall(r"[\w-]+", line))] == []
    assert not any(key.digest in everything for key in read_keys(Home(published)))
    assert "holdfast_" not in everything


def test_a_home_without_a_key_gets_a_first_one_and_https_is_spoken(
    published: Path, tmp_path: Path, server: Callable[..., Any]
) -> None:
    apart = shutil.ignore_patterns("decisions", "counters", "counting", "access")
    home = Home(shutil.copytree(published, tmp_path / "home", ignore=apart))
    certificate, private_key = _certificate(tmp_path)
    options = ("--certificate", str(certificate), "--private-key", str(private_key))
    with server(home.path, tmp_path / "log", *options, scheme="https") as running:
        url = running.url
        context = ssl.create_default_context(cafile=str(certificate))
        (line,) = [
            line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("Try: curl ")
        ]
        (text,) = re.findall(r"Bearer (\S+)'", line)
        assert [key.name for key in read_keys(home)] == ["first"]
        with httpx.Client(base_url=url, verify=context) as client:
            assert client.post("/v1/score", json={"customer_ids": [ID]}).status_code == 401
            headers = {"authorization": f"Bearer {text}"}
            answered = client.post("/v1/score", json={"customer_ids": [ID]}, headers=headers)
            assert answered.status_code == 200
            assert "holdfast_request_seconds" in client.get("/metrics", headers=headers).text
        # Without HOLDFAST_AUDIT the lines stand on standard error.
        assert '"route":"/v1/score","status":200' in (tmp_path / "log").read_text()
        tried = line.removeprefix("Try: ").replace("curl ", f"curl --cacert {certificate} ")
        done = subprocess.run(tried, shell=True, capture_output=True, check=True, env=os.environ)
        assert b'"status":"in_base"' in done.stdout
        with pytest.raises(httpx.TransportError):
            httpx.get(url.replace("https", "http") + "/livez")


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of one's own for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "holdfast test")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private_key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private_key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private_key


def _until(holds: Callable[[], bool]) -> None:
    """The server looks at the keys once a second."""
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.1)
