"""A decision as a record of the log: in clear what says nothing of the customer, the rest under their key.

A line of JSON. Floating-point numbers stand in hexadecimal, and many of them as the base64 of their bytes
(little endian, 8 each): both are exact and know nan and infinity.
"""

import base64
import json
import secrets
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from releases.customer_key import CustomerKey, CustomerKeys
from releases.decision import Considered, Decision, Setting
from releases.log_segment import packed
from tables.refusal import Refused

KIND = "decision"
NONCE_BYTES = 12


class Erased(Refused):
    """The customer of a decision was forgotten, and what it said of them with their key."""


def record_of(decision: Decision, key: CustomerKey) -> bytes:
    """What is written of a decision; what it says in clear is bound to what is encrypted."""
    said = clear(decision, key)
    personal = zlib.compress(packed(about_customer(decision)), 1)
    nonce = secrets.token_bytes(NONCE_BYTES)
    hidden = AESGCM(key.secret).encrypt(nonce, personal, packed(said))
    return packed({**said, "personal": base64.b64encode(nonce + hidden).decode()})


def clear(decision: Decision, key: CustomerKey) -> dict[str, Any]:
    setting = decision.setting
    circumstances = {name: float(value).hex() for name, value in setting.circumstances.items()}
    return {
        "kind": KIND,
        "id": decision.decision_id,
        "customer": key.customer,
        "key": key.number,
        **vars(setting),
        "circumstances": circumstances,
        "propensity": decision.propensity.hex(),
    }


def about_customer(decision: Decision) -> dict[str, Any]:
    """What a decision says of its customer, in JSON's terms; equal for equal decisions."""
    columns = zip(*decision.considered, strict=True) if decision.considered else ((),) * 5
    offers, channels, whys, net_values, costs = columns
    net, cost = packed_numbers(net_values), packed_numbers(costs)
    return {
        "customer_id": decision.customer_id,
        "status": decision.status,
        "held_out": decision.held_out,
        "consents": decision.consents.hex(),
        "facts": decision.facts,
        "scores": {name: packed_numbers(part) for name, part in decision.scores.items()},
        "chosen": decision.chosen,
        "considered": {"offer": offers, "channel": channels, "why": whys, "net_value": net, "cost": cost},
    }


def _considered(said: Any) -> tuple[Considered, ...]:
    if isinstance(said, list):  # records of before have a row an offer
        said = dict(zip(Considered._fields, zip(*said, strict=True) if said else ((),) * 5, strict=True))
        said |= {name: list(said[name]) for name in ("net_value", "cost")}
    numbers = [unpacked_numbers(said[name]) for name in ("net_value", "cost")]
    return tuple(map(Considered, said["offer"], said["channel"], said["why"], *numbers))


def packed_numbers(numbers: Sequence[float]) -> str:
    """Many numbers at once: to write each by itself took half the time of a record."""
    found = np.array(numbers, "<f8")
    found[np.isnan(found)] = np.nan  # one nan, of the many
    return base64.b64encode(found.tobytes()).decode()


def unpacked_numbers(text: str | list[str]) -> tuple[float, ...]:
    if isinstance(text, list):  # records of before have each in hexadecimal
        return tuple(map(float.fromhex, text))
    return tuple(np.frombuffer(base64.b64decode(text), "<f8").tolist())


def decision_of(body: bytes, keys: CustomerKeys) -> Decision:
    """The decision of a record; Erased when its customer was forgotten, Refused when it is not ours."""
    said = json.loads(body)
    name, customer, number = said["id"], said["customer"], said["key"]
    secret = keys.secret(customer, number)
    if secret is None:
        raise Erased(f"decision {name}: its customer was erased, and with the key all it says of them")
    hidden = base64.b64decode(said.pop("personal"))
    try:
        clear_text = packed(said)
        personal = AESGCM(secret).decrypt(hidden[:NONCE_BYTES], hidden[NONCE_BYTES:], clear_text)
    except InvalidTag as error:
        raise Refused(
            f"decision {name}: what it says of its customer cannot be decrypted; the store of keys does not "
            "belong to this log: restore both from the same copy"
        ) from error
    about = json.loads(zlib.decompress(personal))
    number_of = float.fromhex
    return Decision(
        decision_id=name,
        setting=Setting(
            bundle=said["bundle"],
            policy=said["policy"],
            week=said["week"],
            base=said["base"],
            moment=said["moment"],
            circumstances={each: number_of(value) for each, value in said["circumstances"].items()},
            events=said.get("events", 0),  # records of before events came have none
        ),
        propensity=number_of(said["propensity"]),
        customer_id=about["customer_id"],
        status=about["status"],
        held_out=about["held_out"],
        consents=number_of(about["consents"]),
        facts=about["facts"],
        scores={each: unpacked_numbers(part) for each, part in about["scores"].items()},
        chosen=about["chosen"],
        considered=_considered(about["considered"]),
    )
