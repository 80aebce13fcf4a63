"""Customers and moments that cannot be answered for."""

from bad_input.request import ID, OFFER, Class, as_of, both, customers, ids, post
from serving.problem import Kind

VALUES = {
    "unknown customers": Class(
        Kind.UNKNOWN_CUSTOMER,
        [*ids("nobody", "c-9999999", "nobody-0"), *customers("nobody", "", "c-9999999")],
    ),
    "some unknown": Class(
        Kind.UNKNOWN_CUSTOMER,
        both(*({"customer_ids": [ID, each, "c-0000002"]} for each in ("nobody", "né—谁", "zzzz"))),
    ),
    "full-width and look-alike ids": Class(
        Kind.UNKNOWN_CUSTOMER,
        ids(
            "ｃ－０００００００１",
            "с-0000001",
            "c‐0000001",
            "c-000000١",
            "c-0000001\u200b",
            "\ufeffc-0000001",
        ),
    ),
    "nearly an id": Class(
        Kind.UNKNOWN_CUSTOMER,
        [*ids(f"{ID} ", f" {ID}", ID.upper(), f"{ID}\n"), *customers(f"{ID}%20", f"{ID}/", ID.upper())],
    ),
    "control characters": Class(
        Kind.UNKNOWN_CUSTOMER,
        [*ids("\x00", "c-0000001\x00", "\x1b[31m", "\x7f"), *customers("%00", "%08", "%1b")],
    ),
    "paths": Class(
        Kind.UNKNOWN_CUSTOMER,
        [
            *ids("../../signing.key", "/etc/passwd", "..\\..\\a", "C:\\a", "file:///etc/passwd"),
            *customers("../score", "%2e%2e%2f%2e%2e%2fsigning.key", "..%5c", "a/b", "/etc/passwd", "~"),
        ],
    ),
    "other languages": Class(
        Kind.UNKNOWN_CUSTOMER,
        [
            *ids("' or 1=1 --", "${jndi:ldap://a}", "<script>", "{{7*7}}", "%s%n", "$(true)"),
            *customers("'%20or%201=1", "%7B%7B7*7%7D%7D", "a;b"),
        ],
    ),
    "paths that are no UTF-8": Class(
        Kind.UNKNOWN_CUSTOMER, customers("%ff", "%c0%af", "%ed%a0%80", "%zz", "%", "%u0041")
    ),
    "moments to come": Class(
        Kind.INVALID_REQUEST,
        as_of("2999-12-31T00:00:00+00:00", "9999-12-31T23:59:59Z", "2100-01-01T00:00:00+14:00"),
    ),
    "moments before the data": Class(
        Kind.INVALID_REQUEST,
        as_of("1066-10-14T09:00:00+00:00", "1970-01-01T00:00:00Z", "2001-01-01T00:00:00+08:00"),
    ),
    "moments without a zone": Class(
        Kind.INVALID_REQUEST, as_of("2026-10-01T00:00:00", "2026-10-01", "2026-10-01 12:00")
    ),
    "no moments": Class(
        Kind.INVALID_REQUEST,
        as_of(
            "yesterday",
            "",
            0,
            1.5,
            True,
            [],
            "2026-13-45T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "24:00",
            "now",
            "２０２６-10-01T00:00:00Z",
        ),
    ),
    "moments outside the calendar": Class(
        Kind.INVALID_REQUEST,
        as_of(
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "10000-01-01T00:00:00Z",
            "-0001-01-01T00:00:00Z",
        ),
    ),
    "a decision of the past that shall count": Class(
        Kind.INVALID_REQUEST,
        [
            post({"customer_ids": [ID], "commit": True, "as_of": each}, OFFER)
            for each in ("2026-10-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-10-25T15:59:59Z")
        ],
    ),
}
