"""One request for every answer the API gives: shown in openapi.json, and asked again by the tests.

The customer c-0000001 is in every simulated base; figures differ from base to base.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from serving import answer
from serving.problem import Kind
from serving.question import LARGEST_BODY

ID = "c-0000001"
STRANGER = "nobody"
SCORE, OFFER, CUSTOMER = "/v1/score", "/v1/next-best-offer", "/v1/customers/{customer_id}"
EVENTS, OPT_OUT, PUBLISHED = "/v1/events", "/v1/opt-out", "/v1/published"
DECISION = "/v1/decisions/{decision_id}"
# Of whom the examples tell something: others are asked about as they are in the base.
TOLD_OF = "c-0000002"
NO_DECISION = "01a2035a-aa8b-7f65-b753-c4b8754a37eb"
BOUGHT = {
    "table": "transactions",
    "event_id": "till-4-000017",
    "customer_id": TOLD_OF,
    "order_id": "till-4-0017",
    "quantity": 1,
    "amount": 12_800,
    "at": "2026-10-26T03:04:05+00:00",
}


def _filled(path: str, customer_id: str) -> str:
    return path.replace("{customer_id}", customer_id).replace("{decision_id}", NO_DECISION)


@dataclass(frozen=True)
class Example:
    """`path` is the route's; `body` the request's, `customer_id` and `query` what the url holds instead;
    `answer`: as JSON has it."""

    name: str
    method: str
    path: str
    answer: dict[str, Any]
    status: int = 200
    body: Any = None
    customer_id: str = ID
    query: str = ""

    @property
    def url(self) -> str:
        return _filled(self.path, self.customer_id) + self.query


def _in_json(shown: answer.Answer) -> dict[str, Any]:
    return dict(msgspec.to_builtins(shown))


def _refused(
    name: str, method: str, path: str, kind: Kind, detail: str, more: Any = None, **asked: Any
) -> Example:
    instance = _filled(path, asked.get("customer_id", ID))
    problem = answer.ProblemDetails(
        type=kind.uri,
        title=kind.title,
        status=kind.status,
        detail=detail,
        instance=instance,
    )
    return Example(name, method, path, _in_json(problem) | (more or {}), kind.status, **asked)


def _invalid(name: str, path: str, field: str, expected: str, came: str, **asked: Any) -> Example:
    method = "GET" if path == CUSTOMER else "POST"
    more = {"errors": [{"field": field, "expected": expected, "came": came}]}
    detail = f"{field or 'the body'}: expected {expected}; came {came}"
    return _refused(name, method, path, Kind.INVALID_REQUEST, detail, more, **asked)


MOMENT = datetime(2026, 10, 25, 16, tzinfo=UTC)
RELEASED: dict[str, Any] = {
    "bundle": "c37676fd0b00ad74",
    "policy": "c3ec9a439d341a96",
    "week": "78ff21615f69af27",
}
READ: dict[str, Any] = {"events": 0, "is_stale": False}
ASKED = answer.Question(kind="silence", horizon_days=91, base_days=364, grace_days=0)


def _money(amount: float) -> answer.Money:
    return answer.Money(amount=amount, currency="CNY", minor_units=100)


SCORED = answer.Score(
    customer_id=ID,
    status="in_base",
    churn_probability=0.3050174499243323,
    churn_by_horizon=[
        answer.HorizonAnswer(days=28, churn_probability=0.6212358301374521),
        answer.HorizonAnswer(days=91, churn_probability=0.3050174499243323),
        answer.HorizonAnswer(days=182, churn_probability=0.1730294411820163),
    ],
    risk_band=answer.Words(en="low", zh="低风险"),
    expected_value=_money(105755.60495124404),
    value_interval=answer.ValueInterval(
        low=0.0, high=231904.18332006711, share=0.8, currency="CNY", minor_units=100
    ),
    reasons=[
        answer.Reason(
            topic="visits",
            fact="active_days_28d",
            value=4.0,
            audience="everyone",
            effect=-0.15842194565202722,
            en="Visits and messages: 4 days with any interaction in the last 28 days (lowers the risk)",
            zh="访问与消息：近28天活跃天数为4（降低流失风险）",
        )
    ],
)
SEGMENTS = answer.SegmentsAnswer(
    tiers=[
        answer.TierAnswer(
            scheme=answer.Words(en="b2c_spend", zh="消费价值分层"),
            tier=answer.Words(en="important", zh="重要客户"),
            why=None,
        ),
        answer.TierAnswer(
            scheme=answer.Words(en="membership_level", zh="会员等级"),
            tier=None,
            why=answer.Words(en="not known: level", zh="未知：会员等级"),
        ),
    ],
    next_tiers=[
        answer.NextTier(
            scheme=answer.Words(en="b2c_spend", zh="消费价值分层"),
            tier=answer.Words(en="core", zh="核心客户"),
            measure="annual_spend",
            unit="money",
            lacking=385332.0,
        )
    ],
    next_rebate=None,
    tags=[answer.TagAnswer(tag=answer.Words(en="frequent", zh="高频客户"), holds=True, why=None)],
    value_class=answer.Words(en="ordinary", zh="普通客户"),
    behaviour=answer.BehaviourAnswer(
        en="price_sensitive",
        zh="价格敏感型",
        share=0.5117964014204983,
        is_clear=True,
        shares=[
            answer.Share(en="price_sensitive", zh="价格敏感型", share=0.5117964014204983),
            answer.Share(en="quality_seeking", zh="品质追求型", share=0.4882035985795017),
        ],
    ),
    stage=answer.StageAnswer(en="mature", zh="成熟留存", since=datetime(2025, 7, 20, 11, 39, 24, tzinfo=UTC)),
    cell="ordinary/price_sensitive/mature",
    plan=answer.PlanAnswer(
        cell="ordinary/price_sensitive/mature",
        strategies=[
            answer.Words(en="serve_well", zh="标准服务"),
            answer.Words(en="save", zh="实惠优先"),
            answer.Words(en="retain", zh="成熟留存"),
        ],
        actions_en=["reliable standard service", "points that are worth their money"],
        actions_zh=["标准化服务保障", "积分抵现提醒"],
        benefits=[],
        channels=["email", "sms", "in_app", "app_push", "wecom"],
        service_level="online_desk",
        every_days=45,
    ),
)
COUPON = answer.OfferAnswer(
    offer_id="o-coupon-40",
    name="40 yuan off",
    kind="coupon",
    channel="sms",
    expected_net_value=_money(19139.937141048675),
    expected_cost=_money(216.33576130538768),
    why=answer.Why(code="chosen", en="adds the most", zh="预期净增益最高"),
)
SCORES = answer.Scores(**RELEASED, **READ, question=ASKED, moment=MOMENT, customers=[SCORED])
EARLIER = msgspec.structs.replace(SCORES, moment=datetime(2026, 9, 30, 16, tzinfo=UTC))
OFFERED = answer.NextBestOffer(
    decision_id="019f3b5c-6f40-7c1e-9d52-3b8e60d1a2f7",
    customer_id=ID,
    status="in_base",
    segments=SEGMENTS,
    held_out=False,
    slot=answer.Slot(en="evening", zh="晚上", begin="18:00", end="21:00"),
    is_reserved=True,
    chosen=COUPON,
    why=COUPON.why,
    reasons=None,
    offers=[COUPON],
)
EXPLAINED = msgspec.structs.replace(
    OFFERED,
    reasons=answer.ReasonsBeside(
        moment=MOMENT, said=[answer.Words(en=each.en, zh=each.zh) for each in SCORED.reasons]
    ),
)
OFFERS = answer.NextBestOffers(**RELEASED, **READ, question=ASKED, moment=MOMENT, customers=[OFFERED])
KNOWN = answer.Customer(
    **RELEASED,
    **READ,
    question=ASKED,
    moment=MOMENT,
    **msgspec.structs.asdict(SCORED),
    segments=SEGMENTS,
    attributes={"kind": "B2B", "level": 3, "consents": ["email", "sms"]},
    facts={
        "active_days_28d": answer.FactAnswer(
            meaning=answer.Words(en="Days with any interaction in the last 28 days", zh="近28天活跃天数"),
            value=4.0,
            unit="days",
            sensitivity="derived",
        )
    },
)
UNKNOWN: dict[str, Any] = {
    "kind": Kind.UNKNOWN_CUSTOMER,
    "detail": f"1 customers are not in the base: '{STRANGER}'; nobody was answered",
    "more": {"customer_ids": [STRANGER]},
}
A_ZONE = "'week', or an ISO 8601 timestamp with a zone, as in 2026-10-01T00:00:00+08:00"

EXAMPLES = (
    Example("one customer", "POST", SCORE, _in_json(SCORES), body={"customer_ids": [ID]}),
    Example(
        "at an earlier moment",
        "POST",
        SCORE,
        _in_json(EARLIER),
        body={"customer_ids": [ID], "as_of": "2026-10-01T00:00:00+08:00"},
    ),
    _refused("an unknown customer", "POST", SCORE, **UNKNOWN, body={"customer_ids": [ID, STRANGER]}),
    _invalid("nobody", SCORE, "customer_ids", "at least one customer", "0 items", body={"customer_ids": []}),
    _invalid(
        "an unknown field",
        SCORE,
        "limit",
        "no such field",
        "3",
        body={"customer_ids": [ID], "limit": 3},
    ),
    Example(
        "one customer",
        "POST",
        OFFER,
        _in_json(OFFERS),
        body={"customer_ids": [ID]},
    ),
    Example(
        "with the reasons that the week published",
        "POST",
        OFFER,
        _in_json(msgspec.structs.replace(OFFERS, customers=[EXPLAINED])),
        body={"customer_ids": [ID], "reasons": "stored"},
    ),
    Example(
        "made now, and counted",
        "POST",
        OFFER,
        _in_json(OFFERS),
        body={"customer_ids": [ID], "commit": True},
    ),
    _refused("an unknown customer", "POST", OFFER, **UNKNOWN, body={"customer_ids": [STRANGER]}),
    _invalid(
        "somebody twice",
        OFFER,
        "customer_ids",
        f"each customer once; named again: '{ID}'",
        "2 items",
        body={"customer_ids": [ID, ID]},
    ),
    Example("one customer", "GET", CUSTOMER, _in_json(KNOWN)),
    _refused("an unknown customer", "GET", CUSTOMER, **UNKNOWN, customer_id=STRANGER),
    _invalid(
        "a moment without a zone",
        CUSTOMER,
        "as_of",
        A_ZONE,
        "'2026-10-01'",
        query="?as_of=2026-10-01",
    ),
    Example(
        "a purchase",
        "POST",
        EVENTS,
        _in_json(
            answer.EventsTaken(
                position=1,
                known_at=MOMENT,
                events=[answer.EventTaken(event_id="till-4-000017", status="taken")],
            )
        ),
        body={"events": [BOUGHT]},
    ),
    _refused(
        "a purchase of nobody's",
        "POST",
        EVENTS,
        kind=Kind.UNKNOWN_CUSTOMER,
        detail=f"'{STRANGER}': not known; nothing was taken. An event of customers creates one",
        more={"customer_ids": [STRANGER]},
        body={"events": [BOUGHT | {"customer_id": STRANGER}]},
    ),
    _refused(
        "a price below nothing",
        "POST",
        EVENTS,
        kind=Kind.INVALID_REQUEST,
        detail="events.0: expected a sale has no negative price; came 'till-4-000018'",
        more={
            "errors": [
                {"field": "events.0", "expected": "a sale has no negative price", "came": "'till-4-000018'"}
            ]
        },
        body={"events": [BOUGHT | {"event_id": "till-4-000018", "amount": -1}]},
    ),
    _refused(
        "something else under the same name",
        "POST",
        EVENTS,
        kind=Kind.EVENT_CONFLICT,
        detail="events.0: 'till-4-000017' of transactions says something else already; name another event, "
        "or say that it is a correction; nothing was taken",
        body={"events": [BOUGHT | {"amount": 1}]},
    ),
    Example(
        "no more text messages",
        "POST",
        OPT_OUT,
        _in_json(
            answer.EventsTaken(
                position=2,
                known_at=MOMENT,
                events=[answer.EventTaken(event_id="opt-out-000003", status="taken")],
            )
        ),
        body={"event_id": "opt-out-000003", "customer_id": TOLD_OF, "channels": ["sms"]},
    ),
    Example(
        "what is published",
        "GET",
        PUBLISHED,
        _in_json(
            answer.Published(
                **RELEASED,
                **READ,
                question=ASKED,
                moment=MOMENT,
                published_at="2026-10-26T02:11:09+00:00",
                age_hours=31.5,
                data_until=MOMENT,
                last_event_at=None,
                customers=1500,
                is_sandbox=False,
            )
        ),
    ),
    _refused(
        "no such decision",
        "GET",
        DECISION,
        kind=Kind.UNKNOWN_DECISION,
        detail=f"'{NO_DECISION}': no decision that can be told; it was not made here, or was erased",
    ),
    Example("alive", "GET", "/livez", _in_json(answer.Alive(status="alive"))),
    Example(
        "ready",
        "GET",
        "/readyz",
        _in_json(answer.Ready(status="ready", **RELEASED, counters="ready", refused=None)),
    ),
)

# What any route that takes a body may answer beside; too long, or too dull, to be asked as an example.
ANY_BODY = {
    Kind.NOT_JSON: "The body is not JSON in UTF-8.",
    Kind.BODY_TOO_SLOW: "The body did not arrive in time.",
    Kind.BODY_TOO_LARGE: f"The body has more than {LARGEST_BODY} bytes.",
    Kind.WRONG_CONTENT_TYPE: "The body is not declared as application/json.",
}
