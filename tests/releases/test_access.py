"""Keys of a home: made, shown once, ended, and lost to nobody by a changed bit."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from releases.access import FILE, SCOPES, base_id, create, create_first, presented, read_keys, revoke, rotate
from releases.home import Home
from tables.refusal import Refused


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def is_good(home: Home, text: str) -> bool:
    shown = presented(text)
    assert shown
    return any(
        (key.id, key.digest) == (shown.id, shown.digest) and key.is_good(datetime.now(UTC))
        for key in read_keys(home)
    )


def test_a_key_is_made_and_its_secret_is_nowhere(home: Home) -> None:
    key, text = create(home, "crm", ("decide", "score"))
    assert key.scopes == ("score", "decide")
    assert is_good(home, text)
    secret = text.split("_", 3)[3]
    assert len(secret) == 43
    files = [path for path in home.path.rglob("*") if path.is_file()]
    assert all(secret.encode() not in path.read_bytes() for path in files)
    assert (home.access / FILE).stat().st_mode & 0o777 == 0o600


def test_a_key_names_its_home(home: Home, tmp_path: Path) -> None:
    _, text = create(home, "crm")
    other = Home(tmp_path / "other")
    shown = presented(text)
    assert shown
    assert shown.base == base_id(home) != base_id(other)
    assert home.key().hex()[:12] != shown.base
    assert shown.base.encode() not in home.key()


def test_only_the_first_key_comes_by_itself(home: Home) -> None:
    text = create_first(home)
    assert text
    (key,) = read_keys(home)
    assert (key.name, key.scopes) == ("first", SCOPES)
    assert create_first(home) is None
    revoke(home, "first")
    assert create_first(home) is None


def test_a_revoked_key_is_good_no_longer(home: Home) -> None:
    _, crm = create(home, "crm")
    _, shop = create(home, "shop")
    revoke(home, "crm")
    assert not is_good(home, crm)
    assert is_good(home, shop)
    create(home, "crm")
    with pytest.raises(Refused, match="no key 'nobody' that is good; there are shop, crm"):
        revoke(home, "nobody")


def test_a_rotated_key_and_the_old_one_are_good_for_a_while(home: Home) -> None:
    old, before = create(home, "crm", ("read",), rate=7, burst=9)
    new, after, ending = rotate(home, "crm", timedelta(hours=1))
    assert (new.name, new.scopes, new.rate, new.burst) == ("crm", ("read",), 7, 9)
    assert [key.id for key in ending] == [old.id]
    assert is_good(home, before)
    assert is_good(home, after)
    until = ending[0].expires
    assert until
    assert not ending[0].is_good(until)
    rotate(home, "crm", timedelta(0))
    assert not is_good(home, before)
    assert not is_good(home, after)
    # A rotation never makes a key good for longer.
    soon = datetime.now(UTC) + timedelta(minutes=1)
    create(home, "guest", ("read",), expires=soon)
    assert rotate(home, "guest", timedelta(days=1))[2][0].expires == soon


@pytest.mark.parametrize(
    ("name", "scopes", "expires", "rate", "burst"),
    [
        ("", SCOPES, None, 1, 1),
        ("a\nb", SCOPES, None, 1, 1),
        (" a", SCOPES, None, 1, 1),
        ("a" * 101, SCOPES, None, 1, 1),
        ("a", (), None, 1, 1),
        ("a", ("all",), None, 1, 1),
        ("a", SCOPES, datetime(2020, 1, 1, tzinfo=UTC), 1, 1),
        ("a", SCOPES, None, 0, 1),
        ("a", SCOPES, None, float("nan"), 1),
        ("a", SCOPES, None, float("inf"), 1),
        ("a", SCOPES, None, 1, 0),
    ],
)
def test_a_key_that_cannot_be_meant_is_refused(
    home: Home, name: str, scopes: tuple[str, ...], expires: datetime | None, rate: float, burst: int
) -> None:
    with pytest.raises(Refused):
        create(home, name, scopes, expires, rate, burst)
    assert read_keys(home) == ()


def test_two_keys_of_one_name_are_refused(home: Home) -> None:
    create(home, "crm")
    with pytest.raises(Refused, match="rotate crm"):
        create(home, "crm")


def test_no_changed_bit_gives_anybody_more(home: Home) -> None:
    create(home, "crm", ("score",), expires=datetime.now(UTC) + timedelta(days=1))
    path = home.access / FILE
    whole = path.read_bytes()
    before = read_keys(home)
    for place in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            assert read_keys(home) == before
        except Refused:
            continue
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut])
        with pytest.raises(Refused):
            read_keys(home)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"keys": []}', '{"keys": [], "seal": 1}', "\xff"])
def test_what_is_no_file_of_keys_is_refused(home: Home, text: str) -> None:
    create(home, "crm")
    (home.access / FILE).write_text(text, encoding="latin-1")
    with pytest.raises(Refused):
        read_keys(home)
    with pytest.raises(Refused):
        create(home, "shop")


def test_a_file_edited_by_hand_or_of_another_home_is_refused(home: Home, tmp_path: Path) -> None:
    create(home, "crm", ("score",))
    path = home.access / FILE
    said = json.loads(path.read_text())
    said["keys"][0]["scopes"] = list(SCOPES)
    path.write_text(json.dumps(said))
    with pytest.raises(Refused, match="by hand"):
        read_keys(home)
    other = Home(tmp_path / "other")
    create(other, "crm")
    path.write_text((other.access / FILE).read_text())
    with pytest.raises(Refused, match="by hand"):
        read_keys(home)


def test_keys_made_at_once_are_all_kept(home: Home) -> None:
    home.key()
    making = [threading.Thread(target=create, args=(home, f"key {k}")) for k in range(12)]
    for each in making:
        each.start()
    for each in making:
        each.join()
    assert {key.name for key in read_keys(home)} == {f"key {k}" for k in range(12)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "holdfast",
        "holdfast___",
        f"holdfast_{'0' * 12}_{'0' * 8}_{'a' * 42}",
        f"holdfast_{'g' * 12}_{'0' * 8}_{'a' * 43}",
        f"holdfast_{'0' * 12}_{'0' * 8}_{'a' * 43}\n",
        f"holdfast_{'٠' * 12}_{'0' * 8}_{'a' * 43}",
    ],
    ids=["nothing", "a word", "parts", "short", "no hex", "a line", "other digits"],
)
def test_what_is_no_key_is_none(text: str) -> None:
    assert presented(text) is None
