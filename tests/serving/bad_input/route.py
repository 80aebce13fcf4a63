"""Paths, methods, types and parameters that no route knows."""

from bad_input.request import ID, OFFER, SCORE, Class, customers, get, post
from serving.problem import Kind

ROUTES = {
    "an unknown route": Class(
        Kind.UNKNOWN_ROUTE,
        [
            get(each)
            for each in (
                "/",
                "/v1",
                "/v1/",
                "/v1/score/",
                "//v1/score",
                "/V1/score",
                "/v1/../metrics",
                "/v1/./score",
                "/v1/customers",
                "/v1/customers/a%0d%0ab:c",
                "/livez/",
                "/v2/score",
                "/v1/score;a=b",
                "/v1/score%00",
                "/%2e%2e/metrics",
            )
        ],
    ),
    "a route of BentoML's": Class(
        Kind.UNKNOWN_ROUTE,
        [
            get(path, method=method)
            for path in (
                "/docs.json",
                "/schema.json",
                "/healthz",
                "/static_content/index.css",
                "/assets/",
                "/health",
                "/is_alive",
                "/v1/tasks",
                "/ranking/status",
            )
            for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
        ],
    ),
    "another method": Class(
        Kind.METHOD_NOT_ALLOWED,
        [
            *(get(SCORE, method=each) for each in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")),
            *(get(f"/v1/customers/{ID}", method=each) for each in ("POST", "PUT", "DELETE")),
            *(get("/metrics", method=each) for each in ("POST", "PUT", "DELETE")),
        ],
    ),
    "another protocol asked for": Class(
        Kind.METHOD_NOT_ALLOWED,
        [
            get(
                SCORE,
                "connection: upgrade",
                "upgrade: websocket",
                "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
                "sec-websocket-version: 13",
            ),
            get(
                SCORE,
                "connection: upgrade, http2-settings",
                "upgrade: h2c",
                "http2-settings: AAMAAABkAAQAAP__",
            ),
            get(SCORE, "connection: upgrade", "upgrade: TLS/1.0"),
        ],
    ),
    "text of another type": Class(
        Kind.WRONG_CONTENT_TYPE,
        [
            post({}, kind=each)
            for each in (
                "text/plain",
                "text/json",
                "application/jsonp",
                "application/x-www-form-urlencoded",
                "application/xml",
                "application/json+pickle",
                "",
            )
        ],
    ),
    "no type": Class(
        Kind.WRONG_CONTENT_TYPE, [post({}, kind=None), post(b"", kind=None), post({}, OFFER, kind=None)]
    ),
    "multipart": Class(
        Kind.WRONG_CONTENT_TYPE,
        [
            post(b'--a\r\ncontent-disposition: form-data; name="b"\r\n\r\nc\r\n--a--\r\n', path, kind=each)
            for each in (
                "multipart/form-data; boundary=a",
                "multipart/mixed; boundary=a",
                "multipart/form-data",
            )
            for path in (SCORE, OFFER)
        ],
    ),
    "pickle and other binary types": Class(
        Kind.WRONG_CONTENT_TYPE,
        [
            post(b"\x80\x04cos\nsystem\n(S'true'\ntR.", path, kind=each)
            for each in (
                "application/vnd.bentoml+pickle",
                "application/octet-stream",
                "application/x-pickle",
                "application/vnd.apache.arrow.stream",
                "application/vnd.bentoml.stream+pickle",
            )
            for path in (SCORE, OFFER)
        ],
    ),
    "a compressed body": Class(
        Kind.NOT_JSON,
        [
            post(
                b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00C\xbf\xa6\xa3\x02\x00\x00\x00",
                headers=[f"content-encoding: {each}"],
            )
            for each in ("gzip", "deflate", "br")
        ],
    ),
    "a parameter where there is none": Class(
        Kind.INVALID_REQUEST,
        [
            post({"customer_ids": [ID]}, f"{path}?{each}")
            for path in (SCORE, OFFER)
            for each in ("a=b", "as_of=", "=")
        ],
    ),
    "an unknown parameter": Class(
        Kind.INVALID_REQUEST,
        customers(*(f"{ID}?{each}" for each in ("a=b", "limit=3", "as_of[]=a", "%00=1", "AS_OF=a"))),
    ),
    "a parameter twice": Class(
        Kind.INVALID_REQUEST,
        customers(
            f"{ID}?as_of=&as_of=",
            f"{ID}?as_of=2026-10-01T00:00:00Z&as_of=2026-10-01T00:00:00Z",
            f"{ID}?a=1&a=2",
        ),
    ),
    "a parameter that is no moment": Class(
        Kind.INVALID_REQUEST,
        customers(
            *(
                f"{ID}?as_of={each}"
                for each in (
                    "",
                    "yesterday",
                    "NaN",
                    "2026-10-01",
                    "%ff%fe",
                    "%zz",
                    "1e999",
                    "%00",
                    "2026-10-01T00:00:00+08:00",
                )
            )
        ),
    ),
}
