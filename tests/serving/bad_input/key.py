"""Who does not belong here."""

from bad_input.request import ID, MIB, OFFER, SCORE, Class, authorized, get, post
from serving.problem import Kind

ZEROS = "0" * 12
KEYS = {
    "no key": Class(Kind.NO_KEY, authorized(None)),
    "no bearer": Class(
        Kind.WRONG_KEY, authorized("", "%KEY%", "Basic dTpw", "Token %KEY%", "Bearer", "Bearer%KEY%")
    ),
    "no key at all": Class(
        Kind.WRONG_KEY,
        authorized(
            "Bearer ",
            "Bearer null",
            "Bearer %KEY%a",
            "Bearer %KEY% a",
            "Bearer holdfast_",
            f"Bearer {'a' * 5_000}",
        ),
    ),
    "a wrong secret": Class(Kind.WRONG_KEY, authorized("Bearer %WRONG_SECRET%")),
    "an unknown key": Class(Kind.WRONG_KEY, authorized("Bearer %UNKNOWN%")),
    "another base's key": Class(
        Kind.OTHER_BASE, authorized("Bearer %OTHER%", f"Bearer holdfast_{ZEROS}_00000000_{'a' * 43}")
    ),
    "an expired key": Class(Kind.WRONG_KEY, authorized("Bearer %EXPIRED%")),
    "a revoked key": Class(Kind.WRONG_KEY, authorized("Bearer %REVOKED%")),
    "two keys": Class(
        Kind.WRONG_KEY,
        [
            get(path, "authorization: Bearer %KEY%", key=first)
            for path in (f"/v1/customers/{ID}", "/metrics")
            for first in ("Bearer %KEY%", "Bearer %READER%", "Basic dTpw")
        ],
    ),
    "a key in another place": Class(
        Kind.NO_KEY,
        [
            get(f"/v1/customers/{ID}?key=%KEY%", key=None),
            get(f"/v1/customers/{ID}", "x-api-key: %KEY%", key=None),
            get(f"/v1/customers/{ID}", "cookie: authorization=%KEY%", key=None),
            get(f"/v1/customers/{ID}", "proxy-authorization: Bearer %KEY%", key=None),
        ],
    ),
    "a key that may only read": Class(
        Kind.MISSING_SCOPE,
        [
            post({"customer_ids": [ID]}, SCORE, key="Bearer %READER%"),
            post({"customer_ids": [ID]}, OFFER, key="Bearer %READER%"),
            get("/metrics", key="Bearer %READER%"),
            post(b"\xff", SCORE, key="Bearer %READER%"),
            get(SCORE, key="Bearer %READER%"),
        ],
    ),
    "a key that may all but read": Class(
        Kind.MISSING_SCOPE,
        [get(f"/v1/customers/{each}", key="Bearer %WRITER%") for each in (ID, "nobody", "", f"{ID}?as_of=a")],
    ),
    "a key that asked too often": Class(Kind.RATE_LIMITED, authorized("Bearer %SPENT%")),
    "a large body without a key": Class(
        Kind.NO_KEY,
        [
            post(b" " * size, path, key=None)
            for size in (1000, 2 * MIB)
            for path in (SCORE, OFFER, "/docs.json")
        ],
    ),
}
