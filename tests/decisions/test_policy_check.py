"""The critical reading of a policy that is valid: what is found, how severe it is, and in which line."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decisions.policy import Policy, read_policy
from decisions.policy_check import remarks
from decisions.remark import Base, Remark
from decisions.setting import Lines
from tables.contract import CONTACT_CHANNELS
from tables.moment import DAY
from tables.offer import Offer

MakeOffer = Callable[..., Offer]
BASE = Base(
    moment=1_790_000_000_000_000,
    zone="Asia/Shanghai",
    currency="CNY",
    minor_units=100,
    customers=50_000,
    reachable=dict.fromkeys(CONTACT_CHANNELS, 10),
)
Edited = Callable[[str, str], Policy]


@pytest.fixture
def edited(tmp_path: Path, root: Path) -> Edited:
    """The shipped policy with one text in place of another."""

    def make(old: str, new: str) -> Policy:
        text = (root / "config/policy.yaml").read_text(encoding="utf-8")
        assert old in text
        path = tmp_path / "policy.yaml"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return read_policy(path)

    return make


def said(found: list[Remark], severity: str) -> list[str]:
    return [each.says for each in found if each.severity == severity]


def test_the_shipped_policy_has_no_errors_and_warns_of_what_is_printed(shipped: Policy, root: Path) -> None:
    found = remarks(shipped)
    assert said(found, "error") == []
    lines = Lines(root / "config/policy.yaml")
    (printed,) = [each for each in found if "upgrade_discount_10 (0.1), then member_discount_5" in each.says]
    assert printed.severity == "warning"
    assert printed.says.startswith("discount gets worse from basic to important")
    text = (root / "config/policy.yaml").read_text(encoding="utf-8").splitlines()
    assert "member_discount_5" in text[lines.line(printed.where) - 1]


def test_a_rebate_that_a_better_tier_loses_is_found(shipped: Policy) -> None:
    """Between 10 and 20 million yuan core customers get none, and important ones below 10 million 1.5 %."""
    assert any(
        each.startswith("rebate gets worse from important to core") and "then nothing" in each
        for each in said(remarks(shipped), "warning")
    )


def test_benefits_that_get_better_are_no_finding(edited: Edited) -> None:
    policy = edited("worth: 0.05\n", "worth: 0.12\n")
    assert not any("discount gets worse from basic" in each.says for each in remarks(policy))


def test_a_gap_is_an_error_where_it_is(edited: Edited) -> None:
    policy = edited("when: {annual_spend: {at_least: 5_000_00}}", "when: {annual_spend: {above: 5_000_00}}")
    assert "b2c_spend: no tier where annual_spend = 500,000" in said(remarks(policy), "error")


def test_a_gap_between_several_measures_is_found(edited: Edited) -> None:
    policy = edited(
        "when: {is_high_value: {below: 1}, potential_score: {below: 6}}",
        "when: {is_high_value: {below: 1}, potential_score: {below: 5}}",
    )
    (gap,) = said(remarks(policy), "error")
    assert gap == "value_potential: no tier where is_high_value < 1, 5 < potential_score < 6" or "= 5" in gap


def test_thresholds_that_cannot_be_compared_yet_are_told(edited: Edited) -> None:
    policy = edited("value_ahead: {at_least: {quantile: 0.8}}", "value_ahead: {at_least: 5_000_00}")
    assert any("gaps and overlaps cannot be seen" in each for each in said(remarks(policy), "warning"))


def test_a_class_without_a_strategy_leaves_cells_without_a_plan(shipped: Policy) -> None:
    without = tuple(each for each in shipped.strategies if each.of != "lost")
    policy = shipped.model_copy(update={"strategies": without})
    assert said(remarks(policy), "error") == ["16 cells without a plan: no strategy for stage lost"]


def test_an_offer_whose_channels_the_business_lacks_is_one_nobody_can_get(
    shipped: Policy, offer_of: MakeOffer
) -> None:
    policy = shipped.model_copy(update={"channels": shipped.channels[:2]})
    (error,) = said(remarks(policy, [offer_of(channels=("sms", "phone"))]), "error")
    assert error.startswith("nobody can get a: the business has none of its channels")


def test_an_offer_on_channels_that_nobody_consents_to_is_one_nobody_can_get(
    shipped: Policy, offer_of: MakeOffer
) -> None:
    base = replace(BASE, reachable={**dict.fromkeys(CONTACT_CHANNELS, 10), "visit": 0})
    found = remarks(shipped, [offer_of(channels=("visit",))], base)
    assert "nobody can get a: nobody consents to visit" in said(found, "error")
    assert "nobody consents to visit: a channel nobody has" in said(found, "warning")


def test_a_base_that_does_not_say_who_consents_is_no_finding(shipped: Policy, offer_of: MakeOffer) -> None:
    found = remarks(shipped, [offer_of(channels=("visit",))], replace(BASE, reachable=None))
    assert not any("consents" in each.says for each in found)


def test_rules_that_exclude_each_other_leave_an_offer_to_nobody(edited: Edited, offer_of: MakeOffer) -> None:
    policy = edited(
        "  - {kinds: [win_back], stages: [lost]}\n",
        "  - {kinds: [win_back], stages: [lost]}\n  - {offers: [a], stages: [new]}\n",
    )
    assert said(remarks(policy, [offer_of(kind="win_back")]), "error") == [
        "nobody can get a: no stage is in all its rules"
    ]
    assert said(remarks(policy, [offer_of(kind="coupon")]), "error") == []


def test_a_rule_for_an_offer_that_is_not_there_is_an_error(edited: Edited, offer_of: MakeOffer) -> None:
    policy = edited("{kinds: [win_back], stages: [lost]}", "{offers: [lost-one], stages: [lost]}")
    assert "no offer is called 'lost-one'" in said(remarks(policy, [offer_of()]), "error")


def test_an_expired_offer_is_told_with_its_last_day(shipped: Policy, offer_of: MakeOffer) -> None:
    old = offer_of(ends_at=BASE.moment - 3 * DAY)
    assert "a expired on 2026-09-18" in said(remarks(shipped, [old], BASE), "warning")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("weekly: 300_000,", "weekly: 0,", "win_back is 0: nothing of it can be spent"),
        ("weekly: 300_000,", "weekly: 1_000_001,", "win_back cannot be spent: it is more than weekly_budget"),
        ("weekly: 300_000,", "weekly: 300_000,", "win_back cannot be spent: no offer of these kinds"),
        (
            "weekly_budget: 1_000_000",
            "weekly_budget: 9_000_000_000",
            "50,000 customers at most 100 each are less",
        ),
    ],
)
def test_a_budget_that_cannot_be_spent_is_told(
    edited: Edited, offer_of: MakeOffer, old: str, new: str, says: str
) -> None:
    found = remarks(edited(old, new), [offer_of()], BASE)
    assert any(says in each for each in said(found, "warning"))


def test_a_budget_that_can_be_spent_is_no_finding(shipped: Policy, offer_of: MakeOffer) -> None:
    offers = [offer_of(kind, kind=kind, cost=1_000) for kind in ("win_back", "care")]
    assert not any("cannot be spent" in each.says for each in remarks(shipped, offers, BASE))


def test_money_of_another_kind_than_the_bases_is_an_error(shipped: Policy) -> None:
    found = remarks(shipped, (), replace(BASE, currency="JPY", minor_units=1))
    assert said(found, "error") == [
        "the policy counts 100 minor units, the base 1",
        "the policy is in CNY, the base in JPY",
    ]


def test_errors_come_first(shipped: Policy) -> None:
    found: list[Any] = remarks(shipped, (), replace(BASE, currency="JPY"))
    assert [each.severity for each in found] == sorted(
        (each.severity for each in found), key=["error", "warning", "note"].index
    )


OCCASION = {"name": "birthday", "chinese": "生日", "day": "birthday", "offers": ["a"], "worth": 400}
SLOTS = [
    {"name": "morning", "chinese": "上午", "begin": "09:00", "end": "12:00"},
    {"name": "late", "chinese": "晚间", "begin": "20:00", "end": "22:00"},
]
CHANNELS = [{"name": name, "chinese": "渠道"} for name in ("email", "phone")]
NIGHT = {"begin": "21:00", "end": "09:00"}
# What is stated, how severe what is said of it is, where, and what is said.
REACH: dict[str, tuple[dict[str, Any], str, tuple[str | int, ...], str]] = {
    "an occasion for an offer nobody has": (
        {"occasions": [OCCASION | {"offers": ["cake"]}]},
        "error",
        ("occasions", 0, "offers"),
        "no offer is called 'cake'",
    ),
    "an offer for everybody that nobody has": (
        {"for_everybody": {"offer": "cake", "worth": 300}},
        "error",
        ("for_everybody", "offer"),
        "no offer is called 'cake'",
    ),
    "a gesture that costs more than it may be worth": (
        {"for_everybody": {"offer": "a", "worth": 149}},
        "warning",
        ("for_everybody", "offer"),
        "nobody gets a for its stated worth: 149 less what it costs is 49, and minimum_net_value is 50",
    ),
    "greetings under everybody's caps": (
        {"occasions": [OCCASION], "caps": [{"name": "week", "contacts": 2, "days": 7}]},
        "note",
        ("occasions",),
        "greetings share the caps of all offers: a cap with `kinds` of their own keeps them rare",
    ),
    "a slot within quiet hours": (
        {"slots": SLOTS, "quiet_hours": [NIGHT], "channels": CHANNELS},
        "warning",
        ("slots", 1),
        "late lies within quiet hours on every channel: nothing is ever said in it",
    ),
    "a channel that no slot leaves open": (
        {
            "slots": SLOTS,
            "quiet_hours": [{"begin": "08:00", "end": "23:00", "channels": ["phone"]}],
            "channels": CHANNELS,
        },
        "warning",
        ("slots",),
        "no slot leaves phone open: nothing is ever said on it",
    ),
    "quiet hours that nothing keeps": (
        {"quiet_hours": [NIGHT]},
        "note",
        ("quiet_hours",),
        "quiet hours without slots: no hour is chosen, and whoever sends must keep them",
    ),
    "a rest that is over at once": (
        {"rest": {"unanswered": 3, "days": 7}},
        "warning",
        ("rest", "days"),
        "a rest of 7 days is over before the next weekly run: nobody is left alone",
    ),
    "a rest for half a year": (
        {"rest": {"unanswered": 3, "days": 183}},
        "warning",
        ("rest", "days"),
        "who rests hears nothing for 183 days: that is long enough to be forgotten",
    ),
    "selling while a complaint is open": (
        {"while_complaint_open": ["care", "coupon"]},
        "warning",
        ("while_complaint_open",),
        "coupon goes on while a complaint is open: first it is solved",
    ),
    "what exploring weighs": (
        {"exploration": {"share": 0.06, "among": 3}, "holdout": {"share": 0.5, "salt": "1"}},
        "note",
        ("exploration",),
        "no offer that may be drawn is made with a propensity below 0.01: a contact weighs at most 100 in an "
        "evaluation",
    ),
    "nobody held out": (
        {"holdout": {"share": 0, "salt": "1"}},
        "warning",
        ("holdout",),
        "nobody is held out: what all offers together earn cannot be measured",
    ),
    "a holdout that never rotates": (
        {},
        "note",
        ("holdout",),
        "the holdout never rotates: the same customers go without offers for ever",
    ),
}


@pytest.mark.parametrize(("words", "severity", "where", "says"), REACH.values(), ids=REACH)
def test_what_reach_cannot_mean_is_told_where_it_stands(
    policy_of: Callable[..., Policy],
    offer_of: MakeOffer,
    words: dict[str, Any],
    severity: str,
    where: tuple[str | int, ...],
    says: str,
) -> None:
    assert Remark(severity, where, says) in remarks(policy_of(**words), [offer_of()])  # type: ignore[arg-type]
    sound = policy_of(
        occasions=[OCCASION],
        caps=[{"name": "care", "contacts": 4, "days": 364, "kinds": ["care"]}],
        slots=SLOTS,
        quiet_hours=[{"begin": "22:00", "end": "09:00"}],
        channels=CHANNELS,
        rest={"unanswered": 3, "days": 28},
        for_everybody={"offer": "a", "worth": 150},
        holdout={"share": 0.05, "salt": "1", "rotates_every_days": 364},
    )
    assert says not in [each.says for each in remarks(sound, [offer_of()])]


VALUED = replace(BASE, valued=10_000, spread=20_000.0)


@pytest.mark.parametrize(
    ("holdout", "says"),
    [
        ({"share": 0.05}, ["of 10,000 customers shows an effect of 25.71 CNY a customer in 91 days or more"]),
        ({"share": 0.05, "least_effect": 26_00}, []),
        ({"share": 0.05, "least_effect": 25_00}, ["25.00 CNY a customer in 91 days cannot be seen: hold"]),
        ({"share": 0.05, "least_effect": 10_00}, ["cannot be seen: no share of this base is enough"]),
        ({"share": 0, "by_offer": 0.1}, ["from 18.68 CNY of one for everybody, 59.06 CNY of one"]),
    ],
)  # fmt: skip
def test_what_the_holdout_can_see_on_a_base_is_said_and_warned_of_where_it_is_too_little(
    policy_of: Callable[..., Policy], holdout: dict[str, Any], says: list[str]
) -> None:
    found = remarks(policy_of(holdout={"salt": "1", "rotates_every_days": 364} | holdout), (), VALUED)
    for each in says:
        assert any(each in remark.says for remark in found), [remark.says for remark in found]
    warned = [each for each in found if each.where == ("holdout", "least_effect")]
    assert len(warned) == ("cannot be seen" in "".join(says))
    assert all(each.severity == "warning" for each in warned)


def test_a_base_too_young_to_say_what_customers_bring_says_nothing_of_power(
    policy_of: Callable[..., Policy],
) -> None:
    assert not any("shows an effect" in each.says for each in remarks(policy_of(), (), BASE))
