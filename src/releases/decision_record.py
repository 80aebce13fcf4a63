"""A decision as a record of the log: in clear what says nothing of the customer, the rest under their key.

A line of JSON. Floating-point numbers stand in hexadecimal, which is exact and knows nan and infinity.
"""

import base64
import json
import secrets
import zlib
from typing import Any

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
    return {
        "customer_id": decision.customer_id,
        "status": decision.status,
        "held_out": decision.held_out,
        "consents": decision.consents.hex(),
        "facts": decision.facts,
        "scores": {name: [each.hex() for each in part] for name, part in decision.scores.items()},
        "chosen": decision.chosen,
        "considered": [
            [each.offer, each.channel, each.why, each.net_value.hex(), each.cost.hex()]
            for each in decision.considered
        ],
    }


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
        scores={each: tuple(map(number_of, part)) for each, part in about["scores"].items()},
        chosen=about["chosen"],
        considered=tuple(
            Considered(offer, channel, why, number_of(net_value), number_of(cost))
            for offer, channel, why, net_value, cost in about["considered"]
        ),
    )
