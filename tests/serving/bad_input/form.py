"""Bodies that are not JSON, or JSON that means nothing."""

from bad_input.request import ID, Class, both, texts
from serving.problem import Kind

FORM = {
    "an empty body": Class(Kind.NOT_JSON, both(b"", b" ", b"\r\n\t")),
    "half a body": Class(Kind.NOT_JSON, texts("{", '{"customer_ids"', '{"customer_ids": ["c-000', "[")),
    "no JSON": Class(
        Kind.NOT_JSON,
        texts(
            "{'customer_ids': ['a']}",
            "customer_ids: [a]",
            '{"customer_ids": ["a",]}',
            "{} // why",
            "undefined",
        ),
    ),
    "more than one JSON": Class(Kind.NOT_JSON, texts("{}{}", "{} {}", "{}]", '{"customer_ids": ["a"]} x')),
    "not UTF-8": Class(
        Kind.NOT_JSON,
        both(
            b"\xff\xfe{\x00}\x00",
            '{"customer_ids": ["é"]}'.encode("latin-1"),
            b'{"\xc0\xaf": 1}',
            b"\xef\xbb\xbf{}",
            b'{"customer_ids": ["\xed\xa0\x80"]}',
        ),
    ),
    "nested 100,000 deep": Class(
        Kind.NOT_JSON,
        both(
            b"[" * 100_000, b'{"a":' * 100_000, b'{"customer_ids":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        ),
    ),
    "numbers of thousands of digits": Class(
        Kind.NOT_JSON, both(b"1" * 5_000, b'{"customer_ids": [' + b"9" * 100_000 + b"]}", b"-" + b"1" * 5_000)
    ),
    "control characters as they are": Class(
        Kind.NOT_JSON, both(*(b'{"customer_ids": ["a' + each + b'b"]}' for each in (b"\x00", b"\n", b"\x1f")))
    ),
    "escapes that are none": Class(
        Kind.NOT_JSON, texts(*(f'{{"customer_ids": ["{each}"]}}' for each in (r"\x41", r"\u12", r"\'")))
    ),
    "a name twice": Class(
        Kind.INVALID_REQUEST,
        texts(
            '{"customer_ids": ["c-0000001"], "customer_ids": ["c-0000002"]}',
            '{"customer_ids": ["c-0000001"], "as_of": null, "as_of": null}',
            '{"customer_ids": [{"a": 1, "a": 2}]}',
        ),
    ),
    "numbers that JSON does not know": Class(
        Kind.INVALID_REQUEST,
        texts("NaN", '{"customer_ids": [NaN]}', '{"customer_ids": ["c-0000001"], "as_of": -Infinity}'),
    ),
    "numbers beyond a float": Class(
        Kind.INVALID_REQUEST,
        texts(*(f'{{"customer_ids": ["{ID}"], "as_of": {each}}}' for each in ("1e999", "-1e999", "1e-999"))),
    ),
    "another type at the top": Class(Kind.INVALID_REQUEST, both([], None, 1, "c-0000001", True, [ID])),
}
