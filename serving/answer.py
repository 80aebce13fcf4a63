"""What the service answers: every field of every route, as documented in openapi.json."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from decisions.assess import IN_BASE, LAPSED, NEVER_BOUGHT, NO_CONTRACT, NOT_DUE
from models.question import CONTRACT, SILENCE
from models.topic import EVERYONE, FILE, SERVICE

Status = Annotated[
    Literal[IN_BASE, LAPSED, NEVER_BOUGHT, NOT_DUE, NO_CONTRACT],  # type: ignore[valid-type]
    Field(
        description="Who the models speak of is in_base; the others get no score instead of a wrong one. "
        "lapsed: bought too long ago, or the contract is over; not_due and no_contract are of the question "
        "contract."
    ),
]

Audience = Literal[EVERYONE, SERVICE, FILE]  # type: ignore[valid-type]


class Answer(BaseModel):
    """Whatever is not a number is null in JSON."""

    model_config = ConfigDict(ser_json_inf_nan="null")


class Words(Answer):
    en: str
    zh: str


class Money(Answer):
    """An expected amount, a fraction of a minor unit included."""

    amount: Annotated[float, Field(description="In minor units.")]
    currency: str
    minor_units: Annotated[int, Field(description="How many make one unit of the currency.")]


class ValueInterval(Answer):
    """What `share` of customers with this expected value bring over the horizon."""

    low: Annotated[float, Field(description="In minor units.")]
    high: Annotated[float, Field(description="In minor units.")]
    share: float
    currency: str
    minor_units: int


class HorizonAnswer(Answer):
    days: int
    churn_probability: float | None


class Question(Answer):
    """What the churn probability answers."""

    kind: Annotated[
        Literal[SILENCE, CONTRACT],  # type: ignore[valid-type]
        Field(description="silence: buys nothing; contract: a contract that ends is not prolonged."),
    ]
    horizon_days: int
    base_days: Annotated[int, Field(description="silence: who bought within so many days is asked about.")]
    grace_days: Annotated[int, Field(description="contract: prolonged so late counts as prolonged.")]


class Reason(Words):
    """Why the churn probability is what it is, the strongest topic first; everyone may hear the words."""

    topic: Annotated[str, Field(description="What the facts that speak together are about.")]
    fact: Annotated[str, Field(description="The one that speaks for its topic.")]
    value: float | None
    audience: Annotated[
        Audience,
        Field(
            description="Who may hear the value: everyone, and then the words say it; those who serve "
            "the customer; readers of the customer's file."
        ),
    ]
    effect: Annotated[float, Field(description="How much the topic moves the log-odds of leaving.")]


class Score(Answer):
    customer_id: str
    status: Status
    churn_probability: float | None
    churn_by_horizon: Annotated[
        list[HorizonAnswer],
        Field(description="To stay silent through each horizon, never rising; empty where one is known."),
    ]
    risk_band: Words | None
    expected_value: Money | None
    value_interval: ValueInterval | None
    reasons: list[Reason]


class Why(Words):
    code: Annotated[str, Field(description="The rule that decided; the first that holds.")]


class OfferAnswer(Answer):
    """An offer for a customer, and why it was chosen or not."""

    offer_id: str
    name: str
    kind: str
    channel: Annotated[str | None, Field(description="The first of its channels the customer agreed to.")]
    expected_net_value: Money | None
    expected_cost: Money | None
    why: Why


class TierAnswer(Answer):
    """A customer's tier in one scheme of the policy."""

    scheme: Words
    tier: Annotated[Words | None, Field(description="null where a fact that decides is not known.")]
    why: Annotated[Words | None, Field(description="Why there is no tier.")]


class Gap(Answer):
    """What a measure lacks to reach what comes next."""

    measure: str
    unit: Annotated[str, Field(description="money: minor units.")]
    lacking: float


class NextTier(Gap):
    scheme: Words
    tier: Words


class NextRebate(Gap):
    benefit: Words


class TagAnswer(Answer):
    tag: Words
    holds: Annotated[bool | None, Field(description="null where a fact that decides is not known.")]
    why: Annotated[Words | None, Field(description="Why it is not known.")]


class Share(Words):
    share: float


class BehaviourAnswer(Words):
    """The leading type; `shares` of all types sum to 1."""

    share: float
    is_clear: bool
    shares: list[Share]


class StageAnswer(Words):
    since: datetime


class PlanAnswer(Answer):
    """What is done for the customers of a cell. `cell` is the one whose plan is taken: another than the
    customer's where too few customers stand in it."""

    cell: str
    strategies: list[Words]
    actions_en: list[str]
    actions_zh: list[str]
    benefits: list[str]
    channels: list[str]
    service_level: str
    every_days: Annotated[int, Field(description="At least so often it is looked after.")]


class SegmentsAnswer(Answer):
    """Who the customer is, as the policy sees it; what is not known is null, never the lowest tier."""

    tiers: Annotated[list[TierAnswer], Field(description="Of the schemes for customers of this kind.")]
    next_tiers: Annotated[list[NextTier], Field(description="Of schemes that go by one measure.")]
    next_rebate: NextRebate | None
    tags: list[TagAnswer]
    value_class: Words | None
    behaviour: BehaviourAnswer | None
    stage: StageAnswer | None
    cell: Annotated[str | None, Field(description="value/behaviour/stage")]
    plan: PlanAnswer | None


class Slot(Words):
    """A part of the day, in local time."""

    begin: str
    end: str


class NextBestOffer(Answer):
    """`chosen` is null when nothing is worth offering; `why` then is the best offer's."""

    decision_id: Annotated[
        str, Field(description="The decision's record in the log; a contact that follows carries it.")
    ]
    customer_id: str
    status: Status
    segments: SegmentsAnswer
    held_out: bool
    chosen: OfferAnswer | None
    slot: Annotated[Slot | None, Field(description="When to make it, of the policy's slots.")]
    is_reserved: Annotated[bool, Field(description="Whether the week set it aside for this customer.")]
    why: Why | None
    offers: Annotated[list[OfferAnswer], Field(description="All of them, the best first.")]


class FactAnswer(Answer):
    meaning: Words
    value: float | None
    unit: str
    sensitivity: Annotated[str, Field(description="personal, or derived from what the customer did.")]


class Released(Answer):
    """What the answer was made with, so that it can be made again."""

    bundle: str
    policy: str
    week: str
    moment: Annotated[datetime, Field(description="As of when the facts were read.")]
    question: Question


class Scores(Released):
    customers: list[Score]


class NextBestOffers(Released):
    customers: list[NextBestOffer]


class Customer(Released, Score):
    """What is known of one customer."""

    segments: SegmentsAnswer
    attributes: Annotated[
        dict[str, str | int | bool | date | datetime | list[str] | None],
        Field(description="As last stated; texts are not kept in histories."),
    ]
    facts: dict[str, FactAnswer]


class Alive(Answer):
    status: Literal["alive"] = "alive"


class ReadyForAll(Answer):
    """What strangers are told."""

    status: Literal["ready"] = "ready"


class Ready(Answer):
    status: Literal["ready"] = "ready"
    counters: Annotated[
        Literal["ready", "down"],
        Field(
            description="down: limits cannot be checked, so no offer is made that would count against them."
        ),
    ]
    bundle: str
    policy: str
    week: str


class ProblemDetails(Answer):
    """RFC 9457; some kinds have members of their own."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
