"""What the catalogue defines in a statistician's terms, as one would say it: English, Chinese.

By the fact's name without its window, which is {days} here. What follows in English is "is" and the number.
"""

SPOKEN = {
    "order_lateness": (
        "Time since the last order, counted in the usual gaps between orders,",
        "距上次下单时间与平时间隔的倍数",
    ),
    "order_lateness_by_median": (
        "Time since the last order, counted in typical gaps between orders,",
        "距上次下单时间与典型间隔的倍数",
    ),
    "order_lateness_rank": (
        "Share of earlier gaps between orders that were shorter than the one now",
        "以往间隔短于当前间隔的比例",
    ),
    "interaction_lateness": (
        "Time since the last visit, message or call, counted in the usual gaps between them,",
        "距上次互动时间与平时互动间隔的倍数",
    ),
    "discount_share": ("Share of the price taken off in the last {days} days", "近{days}天优惠占比"),
    "discount_stocking_up": (
        "Pieces bought at a time with a large discount, against without,", "大幅优惠时与平时每次购买件数之比",
    ),
    "price_to_list": (
        "Price paid against the list price in the last {days} days", "近{days}天成交价与标价之比",
    ),
    "returned_share": ("Share of spend paid back in the last {days} days", "近{days}天退货金额占比"),
    "returned_line_share": ("Share of lines returned in the last {days} days", "近{days}天退货行占比"),
    "contact_pressure": (
        "How often we spoke up in the last {days} days, against the year,", "近{days}天触达次数与平时之比",
    ),
    "std_days_between_orders": ("How much the gaps between orders differ", "下单间隔的波动天数"),
    "order_gap_variation": ("Irregularity of the gaps between orders", "下单间隔的不规律程度"),
    "order_gap_growth": ("Last gap between orders against the usual one", "最近间隔与平时间隔之比"),
    "order_spend_variation": ("Irregularity of what orders cost", "订单金额的不规律程度"),
    "last_order_to_usual": ("Last order against a usual one", "最近一单与平时客单价之比"),
    "category_concentration": ("Concentration of spend on few categories", "消费集中于少数品类的程度"),
    "order_rate_change": ("Greatest change in how often they order", "下单频率的最大变化"),
    "spend_to_peak": (
        "Spend of the last {days} days against the customer's best such time",
        "近{days}天消费额与最好时期之比",
    ),
    "repeat_purchase_days": ("Days with an order after the first", "首单之后的下单天数"),
    "days_from_first_to_last_purchase": (
        "Days between the first and the last day with an order", "首次与最近下单之间的天数",
    ),
}  # fmt: skip
