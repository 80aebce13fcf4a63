"""What a customer agreed to: read like facts, but for the choice, not for models."""

from typing import Annotated, NamedTuple

from features.family import Fact, family
from tables.history import MISSING_DAY, History

MISSING_FLAG = -1


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


class PersonalFacts(NamedTuple):
    """Whether the customer lets us choose from what we know of them (个人信息保护法 art. 24)."""

    is_personalised: Annotated[
        float,
        Fact(
            "The customer did not ask for choices that leave their data out",
            "未拒绝个性化推荐",
            "flag",
            summary="the last row that says",
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


@family(
    PersonalFacts,
    sources=("customers",),
    owner="marketing",
    since="0.2.0",
    sensitivity="personal",
)
def personal(history: History, t: int) -> PersonalFacts:
    asked = 1.0
    rows = history.customers
    for i in range(len(rows)):
        # A row that does not say changes nothing: what was asked for is not forgotten.
        if rows[i].personalised != MISSING_FLAG:
            asked = float(rows[i].personalised)
    return PersonalFacts(asked)
