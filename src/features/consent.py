"""On which channels a customer may be contacted: read like a fact, but for the choice, not for models."""

from typing import Annotated, NamedTuple

from features.family import Fact, family
from tables.history import MISSING_DAY, History


class ConsentFacts(NamedTuple):
    """Consent as the customer last gave or withdrew it."""

    consented_channels: Annotated[
        float,
        Fact(
            "Channels the customer may be contacted on (bits in the contract's order)",
            "同意接收的触达渠道",
            "bits",
            summary="the last row",
        ),
    ]


@family(
    ConsentFacts,
    sources=("customers", "customers.consents"),
    owner="marketing",
    since="0.1.0",
    sensitivity="personal",
)
def consent(history: History, t: int) -> ConsentFacts:
    rows = history.customers
    bits = 0.0
    for i in range(len(rows)):
        # A row that does not say is no consent.
        bits = 0.0 if rows[i].consents == MISSING_DAY else float(rows[i].consents)
    return ConsentFacts(consented_channels=bits)
