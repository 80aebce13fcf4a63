"""What the service answers: every field of every route, as documented in openapi.json."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from decisions.assess import IN_BASE, LAPSED, NEVER_BOUGHT, NO_CONTRACT, NOT_DUE
from models.question import CONTRACT, SILENCE
from models.topic import EVERYONE, FILE, SERVICE

# Said of each: msgspec's schemas leave it out.
TEXT, INSTANT = {"type": "string"}, {"format": "date-time"}
Status = Annotated[
    Literal[IN_BASE, LAPSED, NEVER_BOUGHT, NOT_DUE, NO_CONTRACT],  # type: ignore[valid-type]
    Meta(
        extra_json_schema=TEXT,
        description="Who the models speak of is in_base; the others get no score instead of a wrong one. "
        "lapsed: bought too long ago, or the contract is over; not_due and no_contract are of the question "
        "contract.",
    ),
]

Instant = Annotated[datetime, Meta(extra_json_schema=INSTANT)]
Audience = Literal[EVERYONE, SERVICE, FILE]  # type: ignore[valid-type]
Moment = Annotated[datetime, Meta(extra_json_schema=INSTANT, description="As of when the facts were read.")]

Position = Annotated[int, Meta(description="How many entries of the journal of events were read.")]
IsStale = Annotated[
    bool, Meta(description="The week is older than it should be, and with it prices, limits and stock.")
]


class Answer(msgspec.Struct, kw_only=True, gc=False):
    """Whatever is not a number is null in JSON. No answer holds itself, so the collector need not look."""


class Words(Answer):
    en: str
    zh: str


class Money(Answer):
    """An expected amount, a fraction of a minor unit included."""

    amount: Annotated[float, Meta(description="In minor units.")]
    currency: str
    minor_units: Annotated[int, Meta(description="How many make one unit of the currency.")]


class ValueInterval(Answer):
    """What `share` of customers with this expected value bring over the horizon."""

    low: Annotated[float, Meta(description="In minor units.")]
    high: Annotated[float, Meta(description="In minor units.")]
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
        Meta(
            extra_json_schema=TEXT,
            description="silence: buys nothing; contract: a contract that ends is not prolonged.",
        ),
    ]
    horizon_days: int
    base_days: Annotated[int, Meta(description="silence: who bought within so many days is asked about.")]
    grace_days: Annotated[int, Meta(description="contract: prolonged so late counts as prolonged.")]


class Reason(Words):
    """Why the churn probability is what it is, the strongest topic first; everyone may hear the words."""

    topic: Annotated[str, Meta(description="What the facts that speak together are about.")]
    fact: Annotated[str, Meta(description="The one that speaks for its topic.")]
    value: float | None
    audience: Annotated[
        Audience,
        Meta(
            extra_json_schema=TEXT,
            description="Who may hear the value: everyone, and then the words say it; those who serve "
            "the customer; readers of the customer's file.",
        ),
    ]
    effect: Annotated[float, Meta(description="How much the topic moves the log-odds of leaving.")]


class Score(Answer):
    customer_id: str
    status: Status
    churn_probability: float | None
    churn_by_horizon: Annotated[
        list[HorizonAnswer],
        Meta(description="To stay silent through each horizon, never rising; empty where one is known."),
    ]
    risk_band: Words | None
    expected_value: Money | None
    value_interval: ValueInterval | None
    reasons: list[Reason]


class Why(Words):
    code: Annotated[str, Meta(description="The rule that decided; the first that holds.")]


class OfferAnswer(Answer):
    """An offer for a customer, and why it was chosen or not."""

    offer_id: str
    name: str
    kind: str
    channel: Annotated[str | None, Meta(description="The first of its channels the customer agreed to.")]
    expected_net_value: Money | None
    expected_cost: Money | None
    why: Why


class TierAnswer(Answer):
    """A customer's tier in one scheme of the policy."""

    scheme: Words
    tier: Annotated[Words | None, Meta(description="null where a fact that decides is not known.")]
    why: Annotated[Words | None, Meta(description="Why there is no tier.")]


class Gap(Answer):
    """What a measure lacks to reach what comes next."""

    measure: str
    unit: Annotated[str, Meta(description="money: minor units.")]
    lacking: float


class NextTier(Gap):
    scheme: Words
    tier: Words


class NextRebate(Gap):
    benefit: Words


class TagAnswer(Answer):
    tag: Words
    holds: Annotated[bool | None, Meta(description="null where a fact that decides is not known.")]
    why: Annotated[Words | None, Meta(description="Why it is not known.")]


class Share(Words):
    share: float


class BehaviourAnswer(Words):
    """The leading type; `shares` of all types sum to 1."""

    share: float
    is_clear: bool
    shares: list[Share]


class StageAnswer(Words):
    since: Annotated[datetime, Meta(extra_json_schema=INSTANT)]


class PlanAnswer(Answer):
    """What is done for a cell's customers; not the customer's own `cell` where too few stand in it."""

    cell: str
    strategies: list[Words]
    actions_en: list[str]
    actions_zh: list[str]
    benefits: list[str]
    channels: list[str]
    service_level: str
    every_days: Annotated[int, Meta(description="At least so often it is looked after.")]


class SegmentsAnswer(Answer):
    """Who the customer is, as the policy sees it; what is not known is null, never the lowest tier."""

    tiers: Annotated[list[TierAnswer], Meta(description="Of the schemes for customers of this kind.")]
    next_tiers: Annotated[list[NextTier], Meta(description="Of schemes that go by one measure.")]
    next_rebate: NextRebate | None
    tags: list[TagAnswer]
    value_class: Words | None
    behaviour: BehaviourAnswer | None
    stage: StageAnswer | None
    cell: Annotated[str | None, Meta(description="value/behaviour/stage")]
    plan: PlanAnswer | None


class ReasonsBeside(Answer):
    """Why the customer may leave, the strongest reason first; none where no model speaks of the customer."""

    moment: Annotated[
        datetime,
        Meta(
            extra_json_schema=INSTANT, description="As of when they hold: the week's, where they are stored."
        ),
    ]
    said: list[Words]


class Slot(Words):
    """A part of the day, in local time."""

    begin: str
    end: str


class NextBestOffer(Answer):
    """`chosen` is null when nothing is worth offering; `why` then is the best offer's."""

    decision_id: Annotated[
        str, Meta(description="The decision's record in the log; a contact that follows carries it.")
    ]
    customer_id: str
    status: Status
    segments: SegmentsAnswer
    held_out: bool
    chosen: OfferAnswer | None
    slot: Annotated[Slot | None, Meta(description="When to make it, of the policy's slots.")]
    is_reserved: Annotated[bool, Meta(description="Whether the week set it aside for this customer.")]
    why: Why | None
    reasons: Annotated[ReasonsBeside | None, Meta(description="null unless they are asked for.")]
    offers: Annotated[list[OfferAnswer], Meta(description="All of them, the best first.")]


class FactAnswer(Answer):
    meaning: Words
    value: float | None
    unit: str
    sensitivity: Annotated[str, Meta(description="personal, or derived from what the customer did.")]


class Released(Answer):
    """What the answer was made with, so that it can be made again."""

    bundle: str
    policy: str
    week: str
    moment: Moment
    events: Position
    is_stale: IsStale
    question: Question


class Published(Released):
    """What is published, and how fresh."""

    published_at: Annotated[str, Meta(description="By the clock of the machine that published it.")]
    age_hours: Annotated[float, Meta(description="Since the week's moment.")]
    data_until: Annotated[
        datetime, Meta(extra_json_schema=INSTANT, description="The last thing that the week's base knows of.")
    ]
    last_event_at: Annotated[Instant | None, Meta(description="When the last event came online.")]
    customers: Annotated[int, Meta(description="In the week's base.")]
    is_sandbox: Annotated[bool, Meta(description="Time goes on from the week's moment.")]


class Considered(Answer):
    offer_id: str
    channel: str | None
    why: Why
    expected_net_value: float | None
    expected_cost: float | None


class DecisionAnswer(Answer):
    """A decision as it was made; amounts in minor units of the base's currency."""

    decision_id: str
    decided_at: Instant
    bundle: str
    policy: str
    week: str
    moment: Moment
    events: int
    customer_id: str
    status: Status
    held_out: bool
    churn_probability: float | None
    expected_value: float | None
    chosen: str | None
    propensity: float | None
    offers: list[Considered]


class Scores(Released):
    customers: list[Score]


class NextBestOffers(Released):
    customers: list[NextBestOffer]


class Customer(Score):
    """What is known of one customer, and what the answer was made with (as in Released)."""

    bundle: str
    policy: str
    week: str
    moment: Moment
    events: Position
    is_stale: IsStale
    question: Question
    segments: SegmentsAnswer
    attributes: Annotated[
        dict[str, str | int | bool | list[str] | None],
        Meta(description="As last stated, days and instants as ISO 8601; texts are not kept in histories."),
    ]
    facts: dict[str, FactAnswer]


class EventTaken(Answer):
    event_id: str
    status: Annotated[
        Literal["taken", "repeated"],
        Meta(
            extra_json_schema=TEXT, description="repeated: the same was known already, and nothing changed."
        ),
    ]


class EventsTaken(Answer):
    """What came is on disk, and read in every decision from now on."""

    position: Annotated[int, Meta(description="Of the journal; a decision names the one it read up to.")]
    known_at: Annotated[datetime, Meta(extra_json_schema=INSTANT, description="From when on it is visible.")]
    events: list[EventTaken]


class Alive(Answer):
    status: Annotated[Literal["alive"], Meta(extra_json_schema=TEXT)]


class ReadyForAll(Answer):
    """What strangers are told."""

    status: Literal["ready"] = "ready"


class RefusedAnswer(Answer):
    bundle: str
    policy: str
    week: str


class Ready(Answer):
    status: Annotated[Literal["ready"], Meta(extra_json_schema=TEXT)]
    counters: Annotated[
        Literal["ready", "down"],
        Meta(
            extra_json_schema=TEXT,
            description="down: limits cannot be checked, so no offer is made that would count against them.",
        ),
    ]
    bundle: str
    policy: str
    week: str
    refused: Annotated[
        RefusedAnswer | None,
        Meta(description="What is published but was refused, so that the older one above is served."),
    ]


class ProblemDetails(Answer):
    """RFC 9457; some kinds have members of their own."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
