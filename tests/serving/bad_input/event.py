"""Events and opt-outs of which nothing may be taken."""

from typing import Any

from bad_input.request import ID, Class, Part, get, post
from serving.problem import Kind

TAKEN, OPT_OUT = "/v1/events", "/v1/opt-out"
BOUGHT = {
    "table": "transactions",
    "event_id": "bad-1",
    "customer_id": ID,
    "order_id": "bad-1",
    "quantity": 1,
    "amount": 100,
    "at": "2026-10-01T00:00:00Z",
}
OUT = {"customer_id": ID, "channels": ["sms"]}


def bought(**other: Any) -> tuple[Part, ...]:
    return post({"events": [BOUGHT | other]}, TAKEN)


def without(*names: str) -> tuple[Part, ...]:
    return post({"events": [{name: BOUGHT[name] for name in BOUGHT if name not in names}]}, TAKEN)


def out(**other: Any) -> tuple[Part, ...]:
    return post(OUT | other, OPT_OUT)


EVENTS = {
    "an event that is to come": Class(
        Kind.INVALID_REQUEST,
        [
            bought(at=each)
            for each in ("2999-12-31T00:00:00Z", "9999-12-31T23:59:59Z", "2100-01-01T00:00:00+14:00")
        ],
    ),
    "an event at no moment": Class(
        Kind.INVALID_REQUEST,
        [
            bought(at=each)
            for each in ("yesterday", "", 0, "2026-10-01T00:00:00", "2026-02-30T00:00:00Z", True, 1e300)
        ],
    ),
    "an event that lacks something": Class(
        Kind.INVALID_REQUEST,
        [without(each) for each in ("table", "event_id", "customer_id", "order_id", "quantity", "amount")],
    ),
    "an event with more than its table has": Class(
        Kind.INVALID_REQUEST,
        [bought(**{each: "a"}) for each in ("price", "known_at", "merged_into", "is_visit", "__class__", "")],
    ),
    "an event of no table": Class(
        Kind.INVALID_REQUEST,
        [bought(table=each) for each in ("", "orders", "products", "offers", "TRANSACTIONS", None, 1, [])],
    ),
    "a category nobody has seen": Class(
        Kind.INVALID_REQUEST, [bought(channel=each) for each in ("teleporter", "", "SMS", "ｓｈｏｐ", 1, [])]
    ),
    "numbers that no column holds": Class(
        Kind.INVALID_REQUEST,
        [
            bought(quantity=0),
            bought(quantity=1.5),
            bought(quantity=True),
            bought(quantity="1"),
            bought(quantity=2**53 + 1),
            bought(quantity=-(10**4000)),
            bought(amount=-1),
            bought(amount=2**64),
            bought(discount=-1),
        ],
    ),
    "names that no event has": Class(
        Kind.INVALID_REQUEST,
        [bought(event_id=each) for each in ("", "e" * 201, 1, None, [], {})]
        + [bought(order_id=each) for each in ("", "o" * 201, 1)],
    ),
    "an event of nobody's": Class(
        Kind.UNKNOWN_CUSTOMER,
        [
            bought(customer_id=each)
            for each in ("nobody", "ｃ－０００００００１", "../../etc/passwd", "\x00", f"{ID} ")
        ],
    ),
    "an event of an id that is too long or none": Class(
        Kind.INVALID_REQUEST, [bought(customer_id=each) for each in ("", "c" * 257, 1, None, [ID])]
    ),
    "no events, or too many": Class(
        Kind.INVALID_REQUEST,
        [
            post({"events": []}, TAKEN),
            post({"events": [BOUGHT | {"event_id": f"bad-{k}"} for k in range(1001)]}, TAKEN),
            post({"events": BOUGHT}, TAKEN),
            post({"events": None}, TAKEN),
            post({}, TAKEN),
            post([BOUGHT], TAKEN),
        ],
    ),
    "an event twice in one request": Class(
        Kind.INVALID_REQUEST,
        [
            post({"events": [BOUGHT, BOUGHT]}, TAKEN),
            post({"events": [BOUGHT, BOUGHT | {"amount": 7}]}, TAKEN),
            post({"events": [BOUGHT, BOUGHT | {"event_id": "bad-2"}, BOUGHT]}, TAKEN),
        ],
    ),
    "one bad event among good ones": Class(
        Kind.INVALID_REQUEST,
        [
            post({"events": [BOUGHT, BOUGHT | {"event_id": "bad-2"} | bad]}, TAKEN)
            for bad in ({"quantity": 0}, {"at": "2999-01-01T00:00:00Z"}, {"customer_id": ""})
        ],
    ),
    "a way out of nothing": Class(
        Kind.INVALID_REQUEST,
        [out(channels=each) for each in (["pigeon"], "sms", None, [1], {})]
        + [out(personalised=each) for each in (True, "false", 0)]
        + [out(limit=1), post({}, OPT_OUT), post([], OPT_OUT)],
    ),
    "a way out for nobody": Class(
        Kind.UNKNOWN_CUSTOMER, [out(customer_id=each) for each in ("nobody", "\x00", f"{ID}\n", "%2e%2e")]
    ),
    "an idempotency key that is none": Class(
        Kind.INVALID_REQUEST,
        [
            post({"events": [BOUGHT]}, TAKEN, headers=[f"idempotency-key: {each}"])
            for each in ("", "a" * 5_000, "a\tb")
        ]
        + [post(OUT, OPT_OUT, headers=["idempotency-key: a", "idempotency-key: b"])],
    ),
    "another method for events": Class(
        Kind.METHOD_NOT_ALLOWED,
        [get(path, method=each) for path in (TAKEN, OPT_OUT) for each in ("GET", "PUT", "DELETE")],
    ),
    "events by a key that may not": Class(
        Kind.MISSING_SCOPE,
        [
            post({"events": [BOUGHT]}, TAKEN, key="Bearer %READER%"),
            post(OUT, OPT_OUT, key="Bearer %READER%"),
            post(b"\xff", TAKEN, key="Bearer %READER%"),
        ],
    ),
}
