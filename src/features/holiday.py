"""Orders before holidays; the run-up of a holiday is the fourteen local days that end with it.

Known while the two years before lie in the calendar (2005 to 2035). A holiday is the last one from
midnight UTC of its day on.
"""

from typing import Annotated, Any, NamedTuple

import numpy as np

from features.calendar import DAYS, FIRST_DAY, HOLIDAYS, LAST_DAY, RUN_UP, RUN_UPS
from features.family import LONGEST, Fact, family, inner
from features.scratch import zeros
from features.window import first_within, is_new_order, ratio
from tables.history import History
from tables.moment import DAY

COUNT = len(HOLIDAYS)


class HolidayFacts(NamedTuple):
    """Orders in the run-up of each holiday, whether there were any in its last one, and what comes next."""

    chinese_new_year_order_share_728d: Annotated[
        float,
        Fact(
            "Share of orders of the last {days} days in the fourteen days up to Chinese New Year",
            "近{days}天春节前十四天内订单占比",
            "share",
        ),
    ]
    dragon_boat_order_share_728d: Annotated[
        float,
        Fact(
            "Share of orders of the last {days} days in the fourteen days up to the Dragon Boat Festival",
            "近{days}天端午节前十四天内订单占比",
            "share",
        ),
    ]
    mid_year_sale_order_share_728d: Annotated[
        float,
        Fact(
            "Share of orders of the last {days} days in the fourteen days up to 18 June (618)",
            "近{days}天618前十四天内订单占比",
            "share",
        ),
    ]
    mid_autumn_order_share_728d: Annotated[
        float,
        Fact(
            "Share of orders of the last {days} days in the fourteen days up to the Mid-Autumn Festival",
            "近{days}天中秋节前十四天内订单占比",
            "share",
        ),
    ]
    national_day_order_share_728d: Annotated[
        float,
        Fact(
            "Share of orders of the last {days} days in the fourteen days up to National Day, 1 October",
            "近{days}天国庆节前十四天内订单占比",
            "share",
        ),
    ]
    double_11_order_share_728d: Annotated[
        float,
        Fact(
            "Share of orders of the last {days} days in the fourteen days up to 11 November (Double 11)",
            "近{days}天双十一前十四天内订单占比",
            "share",
        ),
    ]
    christmas_order_share_728d: Annotated[
        float,
        Fact(
            "Share of orders of the last {days} days in the fourteen days up to Christmas",
            "近{days}天圣诞节前十四天内订单占比",
            "share",
        ),
    ]
    has_ordered_before_last_chinese_new_year: Annotated[
        float,
        Fact(
            "Ordered in the {days} days up to the last Chinese New Year",
            "最近一次春节前{days}天内是否下单",
            "flag",
            RUN_UP,
        ),
    ]
    has_ordered_before_last_dragon_boat: Annotated[
        float,
        Fact(
            "Ordered in the {days} days up to the last Dragon Boat Festival",
            "最近一次端午节前{days}天内是否下单",
            "flag",
            RUN_UP,
        ),
    ]
    has_ordered_before_last_mid_year_sale: Annotated[
        float,
        Fact(
            "Ordered in the {days} days up to the last 18 June (618)",
            "最近一次618前{days}天内是否下单",
            "flag",
            RUN_UP,
        ),
    ]
    has_ordered_before_last_mid_autumn: Annotated[
        float,
        Fact(
            "Ordered in the {days} days up to the last Mid-Autumn Festival",
            "最近一次中秋节前{days}天内是否下单",
            "flag",
            RUN_UP,
        ),
    ]
    has_ordered_before_last_national_day: Annotated[
        float,
        Fact(
            "Ordered in the {days} days up to the last National Day, 1 October",
            "最近一次国庆节前{days}天内是否下单",
            "flag",
            RUN_UP,
        ),
    ]
    has_ordered_before_last_double_11: Annotated[
        float,
        Fact(
            "Ordered in the {days} days up to the last 11 November (Double 11)",
            "最近一次双十一前{days}天内是否下单",
            "flag",
            RUN_UP,
        ),
    ]
    has_ordered_before_last_christmas: Annotated[
        float,
        Fact(
            "Ordered in the {days} days up to the last Christmas",
            "最近一次圣诞节前{days}天内是否下单",
            "flag",
            RUN_UP,
        ),
    ]
    days_to_next_own_holiday: Annotated[
        float,
        Fact(
            "Days to the next of the holidays before whose last one the customer ordered within {days} days",
            "距下一个（上次节前{days}天内有下单的）节日天数",
            "days",
            RUN_UP,
        ),
    ]


@inner
def last_one(days: Any, today: int) -> int:
    """The place of the last day not later than today; the next place may be beyond the calendar."""
    place = min(int((today - FIRST_DAY) / 365.2425), len(days) - 1)
    return place if days[place] <= today else place - 1


@family(HolidayFacts, sources=("transactions",), owner="commerce", since="0.2.0")
def holiday(history: History, t: int) -> HolidayFacts:
    today = t // DAY
    lines = history.transactions
    # A local day may lie one before or after that of UTC.
    is_known = today - LONGEST > FIRST_DAY and today < LAST_DAY
    unknown = 0.0 if is_known else np.nan
    begin = first_within(lines, t, LONGEST) if is_known else len(lines)
    orders, in_run_up, before_last = 0, zeros(COUNT), zeros(COUNT)
    for i in range(begin, len(lines)):
        if not is_new_order(lines, i):
            continue
        orders += 1
        day = lines[i].local_day
        bits = RUN_UPS[day - FIRST_DAY]
        if bits == 0:
            continue
        for h in range(COUNT):
            if (bits >> h) & 1:
                in_run_up[h] += 1
                latest = DAYS[h, last_one(DAYS[h], today)]
                before_last[h] |= latest - RUN_UP < day <= latest
    ahead = np.nan
    for h in range(COUNT):
        if before_last[h] == 0:
            continue
        place = last_one(DAYS[h], today) + 1
        if place < len(DAYS[h]):
            days = DAYS[h, place] - t / DAY
            ahead = ahead if ahead <= days else days
    return HolidayFacts(
        chinese_new_year_order_share_728d=ratio(in_run_up[0], orders),
        dragon_boat_order_share_728d=ratio(in_run_up[1], orders),
        mid_year_sale_order_share_728d=ratio(in_run_up[2], orders),
        mid_autumn_order_share_728d=ratio(in_run_up[3], orders),
        national_day_order_share_728d=ratio(in_run_up[4], orders),
        double_11_order_share_728d=ratio(in_run_up[5], orders),
        christmas_order_share_728d=ratio(in_run_up[6], orders),
        has_ordered_before_last_chinese_new_year=before_last[0] + unknown,
        has_ordered_before_last_dragon_boat=before_last[1] + unknown,
        has_ordered_before_last_mid_year_sale=before_last[2] + unknown,
        has_ordered_before_last_mid_autumn=before_last[3] + unknown,
        has_ordered_before_last_national_day=before_last[4] + unknown,
        has_ordered_before_last_double_11=before_last[5] + unknown,
        has_ordered_before_last_christmas=before_last[6] + unknown,
        days_to_next_own_holiday=ahead,
    )
