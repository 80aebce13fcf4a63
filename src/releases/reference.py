"""The reference: what a bundle's models learnt from, counted, beside them in the sealed bundle."""

import json
from pathlib import Path

from models.census import Census, Reference, Usual
from tables.refusal import Refused
from tables.sealed import canonical_json

REFERENCE = "reference.json"


def write_reference(folder: Path, reference: Reference) -> None:
    """Into the folder of a bundle, before it is sealed."""
    said = {
        "census": reference.census.as_json(),
        "importance": reference.importance,
        "whole": reference.whole,
        "step": reference.step,
    }
    (folder / REFERENCE).write_text(canonical_json(said), encoding="utf-8")


def read_reference(folder: Path) -> Reference:
    """From a bundle whose hashes were checked; Refused, with the way out, when an older version made it."""
    path = folder / REFERENCE
    if not path.exists():
        raise Refused(
            f"{folder}: this bundle was trained before weeks were watched and holds no {REFERENCE}; run "
            "`holdfast train` and `holdfast promote`"
        )
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        whole, step = (
            {name: Usual(*figures) for name, figures in said[part].items()} for part in ("whole", "step")
        )
        return Reference(Census.from_json(said["census"]), said["importance"], whole, step)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f"{path}: cannot be read ({error}); train and promote a new one") from error
