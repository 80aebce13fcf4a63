"""JSON that is not what a route expects."""

from bad_input.request import ID, OFFER, Class, both, customers, ids, post, texts
from serving.problem import Kind

SCHEMA = {
    "an unknown field": Class(
        Kind.INVALID_REQUEST,
        both(
            *(
                {"customer_ids": [ID], each: 1}
                for each in ("limit", "Customer_ids", "customer_ids ", "__class__", "")
            )
        ),
    ),
    "a missing field": Class(Kind.INVALID_REQUEST, both({}, {"as_of": None}, {"commit": True})),
    "null": Class(
        Kind.INVALID_REQUEST,
        both({"customer_ids": None}, {"customer_ids": [None]}, {"customer_ids": [ID, None]}),
    ),
    "a text for a list": Class(
        Kind.INVALID_REQUEST, both(*({"customer_ids": each} for each in (ID, "", "[]")))
    ),
    "an object for a list": Class(
        Kind.INVALID_REQUEST, both(*({"customer_ids": each} for each in ({}, {"0": ID}, {ID: 1})))
    ),
    "a number for a text": Class(Kind.INVALID_REQUEST, ids(1, 0.5, -0.0, 10**4000)),
    "a bool for a text": Class(
        Kind.INVALID_REQUEST,
        both({"customer_ids": [True]}, {"customer_ids": [ID, False]}, {"customer_ids": True}),
    ),
    "a list for a text": Class(Kind.INVALID_REQUEST, ids([], [ID], [[ID]])),
    "nobody": Class(
        Kind.INVALID_REQUEST,
        both(
            {"customer_ids": []},
            {"customer_ids": [], "as_of": None},
            {"as_of": "2026-10-01T00:00:00Z", "customer_ids": []},
        ),
    ),
    "too many": Class(
        Kind.INVALID_REQUEST,
        both(*({"customer_ids": [f"c-{k:07}" for k in range(many)]} for many in (1001, 5000, 50_000))),
    ),
    "somebody twice": Class(
        Kind.INVALID_REQUEST,
        both(
            {"customer_ids": [ID, ID]},
            {"customer_ids": [ID] * 1000},
            {"customer_ids": ["nobody", ID, "nobody"]},
        ),
    ),
    "a text that is no bool": Class(
        Kind.INVALID_REQUEST,
        [post({"customer_ids": [ID], "commit": each}, OFFER) for each in ("true", "yes", 1, 0, [], {}, "")],
    ),
    "an empty id": Class(
        Kind.INVALID_REQUEST,
        both({"customer_ids": [""]}, {"customer_ids": [ID, ""]}, {"customer_ids": ["", ""]}),
    ),
    "an id that is too long": Class(
        Kind.INVALID_REQUEST,
        [*ids("c" * 257, "谁" * 1000, "c" * 1_000_000), *customers("c" * 257, "%41" * 300, "a/" * 5_000)],
    ),
    "half a surrogate pair": Class(
        Kind.INVALID_REQUEST,
        texts(
            *(
                f'{{"customer_ids": ["{each}"]}}'
                for each in (r"\ud800", r"\udc00", r"\udc00\ud800", r"a\ud83d")
            )
        ),
    ),
}
