"""Who a customer is, as the last row known of them says.

Gender and region are kept in histories for reports, and are no facts:
no model may tell customers apart by them.
"""

from typing import Annotated, NamedTuple

import numpy as np

from features.family import Fact, family
from features.window import days_since
from tables.contract import CONTACT_CHANNELS, Customers
from tables.history import MISSING_DAY, MISSING_NUMBER, History
from tables.moment import DAY, FOREVER

B2B = Customers.kind.choices.index("B2B") + 1
DAYS_OF_A_YEAR = 365.2425
LAST_ROW = "the last row"


class TenureFacts(NamedTuple):
    """Since when anything is known of the customer."""

    days_since_first_event: Annotated[
        float,
        Fact("Days since the first event of any table", "距首次事件天数", "days", summary="the first event"),
    ]


class MembershipFacts(NamedTuple):
    """Since when the customer is in the programme."""

    days_since_joined: Annotated[
        float, Fact("Days since joining the programme", "入会天数", "days", summary=LAST_ROW)
    ]


class AgeFacts(NamedTuple):
    """The customer's age."""

    age_years: Annotated[float, Fact("Age", "年龄", "years", summary=LAST_ROW)]


class LevelFacts(NamedTuple):
    """The membership level and its history; rows that do not state it are passed over."""

    level: Annotated[float, Fact("Membership level", "会员等级", "level", summary=LAST_ROW)]
    levels_below_highest: Annotated[
        float,
        Fact(
            "Levels below the highest the customer ever had",
            "距历史最高等级差",
            "levels",
            summary="the highest level",
            since="0.2.0",
        ),
    ]
    level_changes: Annotated[
        float,
        Fact(
            "Changes of level so far",
            "累计等级变更次数",
            "changes",
            summary="the number of changes and the last level",
        ),
    ]
    last_level_change: Annotated[
        float,
        Fact(
            "Levels gained (lost: negative) at the last change",
            "最近一次等级升降",
            "levels",
            summary="the last change and level",
        ),
    ]
    days_since_level_change: Annotated[
        float,
        Fact(
            "Days since the level last changed",
            "距上次等级变更天数",
            "days",
            summary="the last change and level",
        ),
    ]


class CompanyFacts(NamedTuple):
    """Whether the customer is a company."""

    is_b2b: Annotated[float, Fact("Is a company", "是否企业客户", "flag", summary=LAST_ROW)]


class ReachFacts(NamedTuple):
    """On how many channels the customer lets us speak."""

    contactable_channels: Annotated[
        float,
        Fact("Channels the customer may be contacted on", "授权触达渠道数", "channels", summary=LAST_ROW),
    ]


class ContractFacts(NamedTuple):
    """The contract's end, which is the end of its last day in UTC."""

    days_to_contract_end: Annotated[
        float, Fact("Days to the contract's end; negative: over", "距合同到期天数", "days", summary=LAST_ROW)
    ]


@family(TenureFacts, sources=(), owner="loyalty", since="0.1.0")
def tenure(history: History, t: int) -> TenureFacts:
    first = history.carried.first_at
    first = min(first, history.customers[0].at) if len(history.customers) else first
    first = min(first, history.transactions[0].at) if len(history.transactions) else first
    first = min(first, history.points[0].at) if len(history.points) else first
    first = min(first, history.interactions[0].at) if len(history.interactions) else first
    first = min(first, history.contacts[0].at) if len(history.contacts) else first
    first = min(first, history.responses[0].at) if len(history.responses) else first
    first = min(first, history.surveys[0].at) if len(history.surveys) else first
    return TenureFacts(days_since(t, first if first < FOREVER else -1))


@family(MembershipFacts, sources=("customers", "customers.joined_at"), owner="loyalty", since="0.1.0")
def membership(history: History, t: int) -> MembershipFacts:
    rows = history.customers
    joined_at = rows[len(rows) - 1].joined_at if len(rows) else MISSING_NUMBER
    return MembershipFacts((t - joined_at) / DAY if joined_at != MISSING_NUMBER else np.nan)


@family(
    AgeFacts,
    sources=("customers", "customers.birth_on"),
    owner="loyalty",
    since="0.1.0",
    sensitivity="personal",
)
def age(history: History, t: int) -> AgeFacts:
    rows = history.customers
    birth_on = rows[len(rows) - 1].birth_on if len(rows) else MISSING_DAY
    return AgeFacts((t / DAY - birth_on) / DAYS_OF_A_YEAR if birth_on != MISSING_DAY else np.nan)


@family(LevelFacts, sources=("customers", "customers.level"), owner="loyalty", since="0.1.0")
def level(history: History, t: int) -> LevelFacts:
    changes, changed_at, change, now, highest = 0, -1, np.nan, np.nan, 0
    rows = history.customers
    for i in range(len(rows)):
        if rows[i].level == MISSING_NUMBER:
            continue
        if not np.isnan(now) and rows[i].level != now:
            changes += 1
            changed_at = rows[i].at
            change = rows[i].level - now
        now = float(rows[i].level)
        highest = max(highest, rows[i].level)
    return LevelFacts(now, highest - now, float(changes), change, days_since(t, changed_at))


@family(CompanyFacts, sources=("customers", "customers.kind"), owner="sales", since="0.1.0")
def company(history: History, t: int) -> CompanyFacts:
    rows = history.customers
    kind = rows[len(rows) - 1].kind if len(rows) else 0
    if kind == 0:
        return CompanyFacts(np.nan)
    return CompanyFacts(1.0 if kind == B2B else 0.0)


@family(ReachFacts, sources=("customers", "customers.consents"), owner="marketing", since="0.1.0")
def reach(history: History, t: int) -> ReachFacts:
    rows = history.customers
    consents = rows[len(rows) - 1].consents if len(rows) else MISSING_DAY
    if consents == MISSING_DAY:
        return ReachFacts(np.nan)
    channels = 0
    for k in range(len(CONTACT_CHANNELS)):
        channels += (consents >> k) & 1
    return ReachFacts(float(channels))


@family(ContractFacts, sources=("customers", "customers.contract_until"), owner="sales", since="0.1.0")
def contract(history: History, t: int) -> ContractFacts:
    rows = history.customers
    until = rows[len(rows) - 1].contract_until if len(rows) else MISSING_DAY
    return ContractFacts(until + 1 - t / DAY if until != MISSING_DAY else np.nan)
