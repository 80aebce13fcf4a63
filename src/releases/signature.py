"""Who sealed a folder: an HMAC of its manifest under a key that only this installation has."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from tables.refusal import Refused
from tables.sealed import MANIFEST, SIGNATURE, verify, write_whole

KEY_VARIABLE = "HOLDFAST_SIGNING_KEY"


def sign(folder: Path, key: bytes) -> None:
    write_whole(folder / SIGNATURE, _signature(folder, key) + "\n")


def verify_signed(folder: Path, key: bytes) -> None:
    """Check every file against the manifest and the manifest against the signature; raise Refused if not."""
    if not folder.is_dir():
        raise Refused(f"{folder}: named by the pointer, but not there; roll back or publish anew")
    verify(folder)
    try:
        signature = (folder / SIGNATURE).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{folder}: carries no signature; promote or score it here") from error
    if not hmac.compare_digest(signature, _signature(folder, key)):
        raise Refused(f"{folder}: signed with another key; it was not published by this installation")


def signing_key(home: Path) -> bytes:
    """From the environment, else from the home's key file, which is made on first use (mode 0600)."""
    if text := os.environ.get(KEY_VARIABLE):
        return text.encode()
    path = home / "signing.key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    key = secrets.token_hex(32).encode()
    with os.fdopen(handle, "wb") as file:
        file.write(key)
    return key


def _signature(folder: Path, key: bytes) -> str:
    return hmac.new(key, (folder / MANIFEST).read_bytes(), hashlib.sha256).hexdigest()
