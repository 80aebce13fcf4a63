"""The policy as published: frozen with the offers it knew, so that every choice can be made again."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from decisions.policy import Policy
from releases.signature import sign, verify_signed
from tables.offer import Offer
from tables.sealed import canonical_json, sealed_folder

FILE = "policy.json"


@dataclass(frozen=True)
class FrozenPolicy:
    name: str
    policy: Policy
    offers: tuple[Offer, ...]


def freeze_policy(shelf: Path, policy: Policy, offers: tuple[Offer, ...], key: bytes) -> FrozenPolicy:
    with sealed_folder(shelf) as staged:
        frozen = {"policy": policy.model_dump(), "offers": [asdict(offer) for offer in offers]}
        (staged.path / FILE).write_text(canonical_json(frozen), encoding="utf-8")
    sign(staged.path, key)
    return FrozenPolicy(staged.name, policy, offers)


def read_frozen_policy(folder: Path, key: bytes) -> FrozenPolicy:
    verify_signed(folder, key)
    frozen = json.loads((folder / FILE).read_text(encoding="utf-8"))
    offers = tuple(Offer(**{**each, "channels": tuple(each["channels"])}) for each in frozen["offers"])
    return FrozenPolicy(folder.name, Policy.model_validate(frozen["policy"]), offers)
