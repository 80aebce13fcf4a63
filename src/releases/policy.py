"""The policy as published: frozen with the offers it knew and the statistics of the base it was held against,
so that every segment and every choice can be made again."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from decisions.frozen import NOTHING_FROZEN, Frozen
from decisions.policy import Policy
from decisions.strategy import Plan
from releases.signature import sign, verify_signed
from tables.offer import Offer
from tables.refusal import Refused
from tables.sealed import canonical_json, sealed_folder

FILE = "policy.json"


@dataclass(frozen=True)
class FrozenPolicy:
    """name: of its folder; frozen: the statistics that its segments are held against."""

    name: str
    policy: Policy
    offers: tuple[Offer, ...]
    frozen: Frozen = NOTHING_FROZEN

    @cached_property
    def plans(self) -> tuple[Plan, ...]:
        """The plan of every cell, composed once."""
        return self.policy.plans()


def freeze_policy(
    shelf: Path, policy: Policy, offers: tuple[Offer, ...], frozen: Frozen, key: bytes
) -> FrozenPolicy:
    with sealed_folder(shelf) as staged:
        text = canonical_json(_plain(policy, offers, frozen))
        (staged.path / FILE).write_text(text, encoding="utf-8")
    sign(staged.path, key)
    return FrozenPolicy(staged.name, policy, offers, frozen)


def read_frozen_policy(folder: Path, key: bytes) -> FrozenPolicy:
    verify_signed(folder, key)
    try:
        whole = json.loads((folder / FILE).read_text(encoding="utf-8"))
        offers = tuple(Offer(**{**each, "channels": tuple(each["channels"])}) for each in whole["offers"])
        # Policies of before were published without statistics; the next run takes them.
        frozen = Frozen.model_validate(whole["frozen"]) if "frozen" in whole else NOTHING_FROZEN
        return FrozenPolicy(folder.name, Policy.model_validate(whole["policy"]), offers, frozen)
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        raise Refused(f"{folder / FILE}: written by another version ({why}); run `holdfast score`") from error


def terms_of(policy: Policy, offers: tuple[Offer, ...], kept: Frozen | None) -> str:
    """A hash of what a policy is before it is published; kept: the statistics it will be published with,
    None where they follow from the base."""
    text = canonical_json(_plain(policy, offers, kept))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(policy: Policy, offers: tuple[Offer, ...], frozen: Frozen | None) -> dict[str, Any]:
    return {
        "policy": policy.model_dump(),
        "offers": [asdict(offer) for offer in offers],
        "frozen": None if frozen is None else frozen.model_dump(),
    }
