"""What is no request, or does not arrive as one."""

from bad_input.request import MIB, OFFER, SCORE, Class, chunk, chunked, get, head, post
from serving.problem import Kind

CONNECTION = {
    "no HTTP": Class(
        Kind.NOT_HTTP,
        [
            (b"hello\r\n\r\n",),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,),
            (b"\x00" * 200,),
        ],
    ),
    "no version of HTTP": Class(
        Kind.NOT_HTTP,
        [
            (b"GET /livez HTTP/1\r\n\r\n",),
            (b"GET /livez HTTP/9.9\r\n\r\n",),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",),
        ],
    ),
    "no method": Class(
        Kind.NOT_HTTP, [get("/livez", method=each) for each in ("FOO", "get", "G\x00T", "", "PO ST")]
    ),
    "a header that is none": Class(
        Kind.NOT_HTTP,
        [get("/livez", each) for each in ("no colon", "a b: c", "a: b\x00c", " folded: at first")],
    ),
    "a target that is none": Class(
        Kind.NOT_HTTP, [get(each) for each in ("livez", "/a b", "/\x00", "http://[")]
    ),
    "lengths that cannot be": Class(
        Kind.NOT_HTTP,
        [
            get("/livez", f"content-length: {each}", method="POST")
            for each in ("-1", "abc", "1, 2", "99999999999999999999", "0x10", "")
        ],
    ),
    "two lengths": Class(
        Kind.NOT_HTTP,
        [
            post({}, headers=["content-length: 5"]),
            post({}, headers=["transfer-encoding: chunked"]),
            get(SCORE, "transfer-encoding: chunked", "content-length: 3", method="POST"),
        ],
    ),
    "chunks that lie": Class(
        Kind.NOT_HTTP,
        [
            chunked(b"zz\r\n"),
            chunked(b"ffffffffffffffffff\r\n"),
            chunked(b"2\r\n{}too much\r\n"),
            chunked(b"-1\r\n{}\r\n"),
            chunked(b"{}"),
        ],
    ),
    "a transfer encoding of its own": Class(
        Kind.NOT_HTTP,
        [
            get(SCORE, f"transfer-encoding: {each}", method="POST")
            for each in ("gzip", "chunked, identity", "chunkedd", "identity")
        ],
    ),
    "a head that is too large": Class(
        Kind.HEAD_TOO_LARGE,
        [
            (b"GET /" + b"a" * 80_000,),
            (b"GET /livez HTTP/1.1\r\na: " + b"b" * 80_000,),
            (b"GET /livez HTTP/1.1\r\n" + b"a: b\r\n" * 15_000,),
        ],
    ),
    "trailers that are too large": Class(
        Kind.HEAD_TOO_LARGE,
        [
            (*chunked(chunk(b"{}")), 0.1, b"0\r\na: " + b"b" * 80_000),
            (*chunked(chunk(b"{}")), 0.1, b"0\r\n" + b"a: b\r\n" * 15_000),
            (*chunked(chunk(b"{}")), 0.1, b"2;" + b"a" * 80_000),
        ],
    ),
    "a head that is too slow": Class(
        Kind.HEAD_TOO_SLOW,
        [(), (b"GET ",), (b"GET /livez HTTP/1.1\r\na: ",), (b"\r\n", 3.0, b"G", 3.0, b"E")],
    ),
    "a body that is too slow": Class(
        Kind.BODY_TOO_SLOW,
        [
            (head("POST", SCORE, "content-type: application/json", "content-length: 5"),),
            (head("POST", SCORE, "content-type: application/json", "content-length: 5") + b"{", 4.0, b"}"),
            (head("POST", SCORE, "content-type: application/json", f"content-length: {10**15}") + b"{}",),
            chunked(chunk(b"{")),
        ],
    ),
    "a body that is too large": Class(
        Kind.BODY_TOO_LARGE,
        [post(b" " * (MIB + 1)), post(b"[" * (2 * MIB)), post(b"\x00" * (5 * MIB), OFFER)],
    ),
    "a body that is too large and does not say so": Class(
        Kind.BODY_TOO_LARGE,
        [
            chunked(*[chunk(b" " * 65_536)] * 17, b"0\r\n\r\n"),
            chunked(chunk(b" " * (MIB + 1)), b"0\r\n\r\n"),
            chunked(*[chunk(b"[" * 300_000)] * 4, b"0\r\n\r\n"),
        ],
    ),
}
