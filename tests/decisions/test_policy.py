"""The policy file: what it means, and that a mistake is named by file, line and what came."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from decisions.policy import read_offers, read_policy
from tables.moment import FOREVER, from_micros, to_micros
from tables.offer import Offer
from tables.refusal import Refused

POLICY = """\
name: test
margin_rate: 0.30
risk_bands:
  - {name: low, chinese: 低, below: 0.5}
  - {name: high, chinese: 高, below: 1.01}
weekly_budget: 1000
minimum_net_value: 50
holdout:
  share: 0.05
  salt: "2026"
unknown_consent: refuse
"""
OFFER = {"offer_id": "a", "kind": "coupon", "name": "A", "reward": 10, "cost": 8, "channels": ["email"]}
DATED = OFFER | {"starts_on": "2026-01-01"}
ZONE = "Europe/Berlin"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "file.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_policy_that_comes_along_is_valid(root: Path) -> None:
    policy = read_policy(root / "config/policy.yaml")
    assert policy.unknown_consent == "refuse"
    assert read_offers(root / "config/offers.yaml", (), ZONE) == ()


MISTAKES = {
    "an unknown word": ("name: test", "nmae: test\nname: test", 1, r"nmae.*Extra inputs.*came 'test'"),
    "an unknown word, deeper": ("  share: 0.05", "  shares: 0.05\n  share: 0.05", 9, r"holdout\.shares"),
    "a missing word": ("margin_rate: 0.30\n", "", 1, r"margin_rate: Field required"),
    "a negative budget": ("weekly_budget: 1000", "weekly_budget: -1", 6, r"weekly_budget: .* came -1"),
    "a budget in words": ("weekly_budget: 1000", "weekly_budget: lots", 6, r"weekly_budget: .* came 'lots'"),
    "a broken minor unit": ("weekly_budget: 1000", "weekly_budget: 10.5", 6, r"weekly_budget: .* came 10\.5"),
    "a margin above one": ("0.30", "30", 2, r"margin_rate: .* came 30"),
    "a margin that is no number": ("0.30", ".nan", 2, r"margin_rate: .* came nan"),
    "a holdout of everyone": ("share: 0.05", "share: 1", 9, r"holdout\.share: .* came 1"),
    "a band below zero": ("below: 0.5", "below: -1", 4, r"risk_bands\.0\.below: .* came -1"),
    "bands out of order": ("below: 0.5", "below: 2", 1, r"risk_bands must rise"),
    "two bands with one edge": ("below: 0.5", "below: 1.01", 1, r"risk_bands must rise"),
    "bands that leave a gap": ("below: 1.01", "below: 1.0", 1, r"the last one reach beyond 1"),
    "an unknown choice": ("refuse", "maybe", 11, r"unknown_consent: .* came 'maybe'"),
}


@pytest.mark.parametrize(("old", "new", "line", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_names_file_line_and_what_came(
    tmp_path: Path, old: str, new: str, line: int, says: str
) -> None:
    assert old in POLICY
    path = write(tmp_path, POLICY.replace(old, new))
    with pytest.raises(Refused, match=says) as refused:
        read_policy(path)
    assert str(refused.value).startswith(f"{path}:{line}: ")


def test_a_word_that_stands_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    text = POLICY.replace("  salt:", "  share: 0.5\n  salt:") + "weekly_budget: 1000000\n"
    path = write(tmp_path, text)
    with pytest.raises(Refused) as refused:
        read_policy(path)
    assert str(refused.value).splitlines() == [
        f"{path}:10: share: stands in line 9 already; keep one of them",
        f"{path}:13: weekly_budget: stands in line 6 already; keep one of them",
    ]


def test_an_offers_word_that_stands_twice_is_refused(tmp_path: Path) -> None:
    text = yaml.safe_dump({"offers": [DATED, DATED | {"offer_id": "b"}]}) + "\n"
    path = write(tmp_path, text.replace("  name: A\n", "  name: A\n  cost: 1\n", 1))
    with pytest.raises(Refused, match=r"file\.yaml:\d+: cost: stands in line \d+ already"):
        read_offers(path, (), ZONE)


def test_a_word_may_stand_in_several_parts_and_an_alias_in_itself(tmp_path: Path) -> None:
    assert read_policy(write(tmp_path, POLICY)).name == "test"
    with pytest.raises(Refused, match="name"):
        read_policy(write(tmp_path, "&all\nname: *all\n"))


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        read_policy(write(tmp_path, POLICY.replace("0.30", "2").replace("1000", "-1")))
    assert len(str(refused.value).splitlines()) == 2


@pytest.mark.parametrize("text", ["- a\n- b", "words", "5"])
def test_a_file_without_words_and_values_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Refused, match=":1: the file: "):
        read_policy(write(tmp_path, text))


def test_an_empty_policy_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="weekly_budget: Field required"):
        read_policy(write(tmp_path, ""))


def test_what_is_not_yaml_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"not YAML.*\n?.*line 2"):
        read_policy(write(tmp_path, "name: test\nbudget: [1, 2"))


def test_what_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_bytes("name: 默认".encode("gb18030"))
    with pytest.raises(Refused, match="not UTF-8"):
        read_policy(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"none\.yaml: cannot be read \(No such file"):
        read_policy(tmp_path / "none.yaml")


def test_a_yaml_file_cannot_make_python_objects(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not YAML"):
        read_policy(write(tmp_path, "name: !!python/object/apply:os.getcwd []"))


@pytest.mark.parametrize(
    ("probability", "band"), [(0.0, "low"), (0.49999, "low"), (0.5, "high"), (0.99, "high"), (1.0, "high")]
)
def test_a_band_begins_at_its_edge(tmp_path: Path, probability: float, band: str) -> None:
    assert read_policy(write(tmp_path, POLICY)).band_of(probability).name == band


def offers_file(tmp_path: Path, *offers: dict[str, Any]) -> Path:
    return write(tmp_path, yaml.safe_dump({"offers": list(offers)}, sort_keys=False))


OFFER_MISTAKES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "named twice": ([DATED, DATED | {"name": "B"}], "offers named twice: a"),
    "ends before it starts": ([DATED | {"ends_on": "2025-12-31"}], "ends_on lies before starts_on"),
    "unknown channel": ([DATED | {"channels": ["pigeon"]}], r"channels\.0: .* came 'pigeon'"),
    "no channel": ([DATED | {"channels": []}], r"channels: .* came \[\]"),
    "unknown kind": ([DATED | {"kind": "bribe"}], "kind: .* came 'bribe'"),
    "no cost": (
        [{key: part for key, part in DATED.items() if key != "cost"}],
        r"offers\.0\.cost: Field required",
    ),
    "negative cost": ([DATED | {"cost": -1}], "cost: .* came -1"),
    "no start": ([OFFER], "starts_on: Field required"),
    "no day": ([OFFER | {"starts_on": "soon"}], "starts_on: .* came 'soon'"),
    "no name": ([DATED | {"offer_id": ""}], "offer_id: .* came ''"),
    "unknown word": ([DATED | {"price": 5}], r"offers\.0\.price: Extra inputs"),
}


@pytest.mark.parametrize(("offers", "says"), OFFER_MISTAKES.values(), ids=OFFER_MISTAKES)
def test_a_mistaken_offer_is_refused(tmp_path: Path, offers: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(Refused, match=rf"file\.yaml:\d+: .*{says}"):
        read_offers(offers_file(tmp_path, *offers), (), ZONE)


def test_the_second_offers_mistake_is_told_by_its_own_line(tmp_path: Path) -> None:
    path = offers_file(tmp_path, DATED, DATED | {"offer_id": "b", "cost": -1})
    line = next(k for k, text in enumerate(path.read_text().splitlines(), 1) if "cost: -1" in text)
    with pytest.raises(Refused, match=rf":{line}: offers\.1\.cost"):
        read_offers(path, (), ZONE)


def test_an_offer_of_the_file_takes_the_place_of_the_bases(tmp_path: Path) -> None:
    base = tuple(Offer(name, "gift", name, reward=1, cost=1) for name in ("c", "a"))
    offers = read_offers(offers_file(tmp_path, DATED), base, ZONE)
    assert [(offer.offer_id, offer.kind) for offer in offers] == [("a", "coupon"), ("c", "gift")]


def test_an_offer_without_an_end_never_ends(tmp_path: Path) -> None:
    (offer,) = read_offers(offers_file(tmp_path, DATED), (), ZONE)
    assert offer.ends_at == FOREVER


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-06-01"])
def test_an_offer_holds_to_the_end_of_its_last_day_also_when_clocks_change(tmp_path: Path, day: str) -> None:
    (offer,) = read_offers(offers_file(tmp_path, DATED | {"ends_on": day}), (), ZONE)
    last = from_micros(offer.ends_at)
    next_day = {"2026-03-29": (29, 22), "2026-10-25": (25, 23), "2026-06-01": (1, 22)}[day]
    assert offer.ends_at + 1 == to_micros(datetime(2026, last.month, *next_day, tzinfo=UTC))
