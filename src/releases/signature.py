"""Who sealed a folder: an HMAC of its manifest under a key that only this installation has."""

import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path

from tables.refusal import Refused
from tables.sealed import MANIFEST, SIGNATURE, STAGING, verify, write_whole

KEY_VARIABLE = "HOLDFAST_SIGNING_KEY"


def sign(folder: Path, key: bytes) -> None:
    """Written beside the folder and moved into it: killed on the way, it leaves nothing in there that the
    manifest does not know."""
    aside = folder.with_name(f"{folder.name}-{SIGNATURE}{STAGING}{os.getpid()}")
    write_whole(aside, _line(folder, key))
    aside.replace(folder / SIGNATURE)


def verify_signed(folder: Path, key: bytes) -> None:
    """Check every file against the manifest and the manifest against the signature; raise Refused if not."""
    if not folder.is_dir():
        raise Refused(f"{folder}: named by the pointer, but not there; roll back or publish anew")
    verify(folder)
    try:
        signature = (folder / SIGNATURE).read_bytes()
    except OSError as error:
        raise Refused(f"{folder}: carries no signature; promote or score it here") from error
    if not hmac.compare_digest(signature, _line(folder, key).encode()):
        raise Refused(
            f"{folder}: its signature is damaged or made with another key; it was not published by this "
            "installation: roll back, or publish it anew"
        )


def signing_key(home: Path) -> bytes:
    """From the environment, else from the home's key file, which is made on first use (mode 0600)."""
    if text := os.environ.get(KEY_VARIABLE):
        return text.encode()
    path = home / "signing.key"
    if not path.exists():
        # Made aside and linked whole: who is killed on the way, or comes second, never leaves half a key.
        handle, aside = tempfile.mkstemp(dir=home, prefix=".signing-")
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(32).encode())
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(aside)
        Path(aside).unlink()
    if not (key := path.read_bytes()):
        raise Refused(f"{path}: empty; put the key back, or remove it and publish everything anew")
    return key


def _line(folder: Path, key: bytes) -> str:
    """The whole of the file, to the byte."""
    return hmac.new(key, (folder / MANIFEST).read_bytes(), hashlib.sha256).hexdigest() + "\n"
