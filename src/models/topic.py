"""Topics: what facts are about, as an employee would name it on the telephone, and who may hear their values.

Every family of the catalogue belongs to one topic, some of its facts to another, so that each fact has
exactly one. The effects of all topics of a customer add up to the log-odds, as those of the facts do.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from features.catalogue import FAMILIES
from features.family import NamedFact
from features.reader import facts_of
from tables.compiled import compiled

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class Topic(NamedTuple):
    """name: for machines; families: whose facts it has; facts: those it has of other families, without their
    window."""

    name: str
    english: str
    chinese: str
    families: tuple[str, ...]
    facts: tuple[str, ...] = ()


# Where a purchase process has a share in the promise, all it says is told with this one, a topic of its own:
# it is what customers with so many orders, so far apart, usually do next.
PROCESS_FACT = "repeat_purchase_days"
TOPICS = (
    Topic(
        "buying_rhythm", "Buying rhythm", "购买节奏",
        ("rhythm", "habit"), ("days_since_last_order",),
    ),
    Topic("usual_course", "How such customers go on", "同类客户通常的走向", (), (PROCESS_FACT,)),
    Topic("orders", "Number of orders", "下单次数", ("order",)),
    Topic(
        "spend", "Amount spent", "消费金额",
        ("order_size", "process", "sales_margin"), ("spend", "spend_ever", "spend_per_order"),
    ),
    Topic("change", "Change in buying", "购买变化", ("order_trend", "change", "peak")),
    Topic("season", "Season and holidays", "季节与节日", ("season", "holiday")),
    Topic("basket", "Size of the basket", "购物篮大小", ("basket",)),
    Topic(
        "assortment", "Range of products", "所购商品范围",
        ("product", "repertoire", "category", "affinity", "brand"),
    ),
    Topic(
        "prices", "Prices and discounts", "价格与折扣", ("discount", "deal", "price", "quality", "dearer"),
    ),
    Topic("returns", "Returns", "退货", ("returns", "return_habit")),
    Topic(
        "places", "Where and when they shop", "购物渠道与时段",
        ("channel", "channel_mix", "store", "daytime"), ("top_weekday_share",),
    ),
    Topic("points", "Points", "积分", ("points", "expiry", "points_goal")),
    Topic(
        "visits", "Visits and messages", "访问与消息",
        ("engagement", "touchpoint", "interaction_habit", "interaction_trend"),
    ),
    Topic("service", "Service and complaints", "服务与投诉", ("service", "complaint", "sla")),
    Topic("satisfaction", "Satisfaction", "满意度", ("survey",)),
    Topic("word_of_mouth", "Reviews and referrals", "评价与推荐", ("social", "rating", "referral")),
    Topic(
        "offers", "Offers received", "收到的优惠", ("contact", "contact_channel", "offer_kind", "reward"),
    ),
    Topic(
        "responses", "Use of offers", "优惠使用",
        ("response", "response_rate", "channel_response", "redemption"),
    ),
    Topic("fatigue", "Contact and consent", "触达频度与授权", ("fatigue", "reach", "withdrawal")),
    Topic("membership", "Membership", "会员身份", ("membership", "level", "activation")),
    Topic(
        "beginnings", "How they began", "客户起步",
        ("tenure", "stage"), ("days_since_first_order", "days_from_first_to_last_purchase"),
    ),
    Topic("company", "Company and contract", "企业与合同", ("company", "contract")),
    Topic("personal", "Personal details", "个人信息", ("age",)),
)  # fmt: skip
# For facts that the catalogue does not have, as one that is tried in a notebook.
TRIAL = Topic("trial", "On trial", "试用指标", ())
# Derived, but not to be said to a customer: what we earn by them, and offers kept from them.
CONFIDENTIAL = ("sales_margin", "sales_margin_share", "contacts_held_back")
# Who may hear the value of a fact: anybody, the customer too; those who serve the customer; whoever is
# entitled to the customer's file, where it stands among the attributes.
EVERYONE, SERVICE, FILE = "everyone", "service", "file"


class Grouping(NamedTuple):
    """by_topic: places of the facts, those of a topic side by side; starts: where each topic begins, and
    where the last one ends."""

    topics: tuple[Topic, ...]
    by_topic: Integers
    starts: Integers


def topic_effects(contributions: Floats, names: tuple[str, ...]) -> Floats:
    """The sum of the SHAP values of each topic's facts; with the expected value they make the prediction.

    contributions: shape (customers, facts), columns named by `names`; answer: shape (customers, topics), in
    the order of grouping(names).topics.
    """
    grouped = grouping(names)
    effects = np.empty((len(contributions), len(grouped.topics)))
    _add_up(contributions, grouped.by_topic, grouped.starts, effects)
    return effects


@compiled
def _add_up(contributions: Any, by_topic: Any, starts: Any, effects: Any) -> None:
    for row in range(len(contributions)):
        for topic in range(len(starts) - 1):
            total = 0.0
            for k in range(starts[topic], starts[topic + 1]):
                total += contributions[row, by_topic[k]]
            effects[row, topic] = total


@cache
def grouping(names: tuple[str, ...]) -> Grouping:
    every = (*TOPICS, TRIAL)
    number = np.array([every.index(topic) for topic in topics_of(names)], np.int64)
    by_topic = np.argsort(number, kind="stable")
    present, starts = np.unique(number[by_topic], return_index=True)
    return Grouping(
        tuple(every[k] for k in present.tolist()), by_topic, np.append(starts, len(names)).astype(np.int64)
    )


@cache
def topics_of(names: tuple[str, ...]) -> tuple[Topic, ...]:
    """The topic of each fact."""
    return tuple(_topics().get(name, TRIAL) for name in names)


@cache
def audiences_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """Who may hear the value of each fact."""
    return tuple(_audience_of(name) for name in names)


def _audience_of(name: str) -> str:
    fact = known_facts().get(name)
    if fact is None:
        return SERVICE  # nobody has thought about it yet
    if fact.fact.sensitivity == "personal":
        return FILE
    return SERVICE if fact.fact.sensitivity == "sensitive" or kin_of(fact) in CONFIDENTIAL else EVERYONE


@cache
def known_facts() -> dict[str, NamedFact]:
    return {fact.name: fact for fact in facts_of(FAMILIES)}


def kin_of(fact: NamedFact) -> str:
    """The name without the window: what several windows of one quantity have in common."""
    return fact.name.removesuffix(f"_{fact.window}d") if fact.window else fact.name


@cache
def _topics() -> dict[str, Topic]:
    of_family = {family: topic for topic in TOPICS for family in topic.families}
    of_kin = {kin: topic for topic in TOPICS for kin in topic.facts}
    return {
        fact.name: of_kin.get(kin_of(fact), of_family.get(family.name, TRIAL))
        for family in FAMILIES
        for fact in family.facts
    }
