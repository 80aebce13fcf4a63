"""The offers of the world: what the business sees of them, and what they do to whom."""

from dataclasses import dataclass
from typing import Literal

Trait = Literal["price", "quality", "service", "sociability"]
ALL_CHANNELS = ("sms", "email", "app_push", "wecom")


@dataclass(frozen=True)
class Offer:
    """One offer: its public terms (money in minor units) and its hidden effect when viewed.

    The effect works through `trait`, a number in (0, 1) of each customer: `lift` is the largest gain in
    the log purchase rate until the next wave, `recover` and `regain` the largest chances to bring a
    drifting or a gone customer back at once, `intrusion` how much it disturbs those who want no contact.
    `starts` and `ends` are weeks counted from the world's start; `ends` None: open.
    """

    offer_id: str
    kind: str
    name: str
    reward: int
    cost: int
    contact_cost: int
    trait: Trait
    lift: float
    recover: float
    intrusion: float
    regain: float = 0.0
    minimum_spend: int | None = None
    starts: int = -52
    ends: int | None = None
    channels: tuple[str, ...] = ALL_CHANNELS
    weight: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)

    def is_valid(self, week: int) -> bool:
        return self.starts <= week and (self.ends is None or week < self.ends)

    @property
    def is_redeemable(self) -> bool:
        return self.reward > 0


# weight: how much the offices for price, quality and service regions and for companies favour it.
DEFAULT_OFFERS = (
    Offer(
        "o-coupon-10", "coupon", "10 yuan off", 1_000, 1_000, 10, "price",
        lift=1.3, recover=0.10, intrusion=0.6, minimum_spend=5_000, weight=(3.0, 1.0, 1.0, 1.0),
    ),
    Offer(
        "o-coupon-40", "coupon", "40 yuan off", 4_000, 4_000, 10, "price",
        lift=2.2, recover=0.30, intrusion=0.6, minimum_spend=15_000, weight=(2.0, 1.0, 1.0, 1.0),
    ),
    Offer(
        "o-points-x2", "points_multiplier", "double points", 500, 300, 5, "sociability",
        lift=0.9, recover=0.08, intrusion=0.4, weight=(1.0, 2.0, 1.0, 1.0),
    ),
    Offer(
        "o-delivery", "free_delivery", "free delivery", 800, 600, 5, "price",
        lift=0.8, recover=0.05, intrusion=0.4, weight=(2.0, 1.0, 1.0, 1.5),
    ),
    Offer(
        "o-gift", "gift", "a gift with the next order", 3_000, 1_500, 20, "quality",
        lift=1.7, recover=0.30, intrusion=0.3, weight=(1.0, 3.0, 1.0, 1.0),
    ),
    Offer(
        "o-rebate", "rebate", "20 yuan back above 200", 2_000, 2_000, 10, "price",
        lift=1.3, recover=0.10, intrusion=0.5, minimum_spend=20_000, weight=(1.5, 1.0, 1.0, 3.0),
    ),
    Offer(
        "o-preview", "product", "a new product before others", 1_500, 800, 20, "quality",
        lift=1.4, recover=0.15, intrusion=0.8, weight=(1.0, 2.0, 1.0, 1.0),
    ),
    Offer(
        "o-care", "care", "a call from customer care", 0, 0, 300, "service",
        lift=0.8, recover=0.75, intrusion=1.2, channels=("phone", "sms"),
        weight=(1.0, 1.0, 3.0, 2.0),
    ),
    Offer(
        "o-win-back", "win_back", "we miss you: 50 yuan off", 5_000, 5_000, 20, "price",
        lift=1.2, recover=0.35, intrusion=1.0, regain=0.45, minimum_spend=10_000,
    ),
    Offer(
        "o-community", "gift", "an evening of the members' club", 1_000, 700, 30, "sociability",
        lift=1.7, recover=0.30, intrusion=1.5, channels=("community", "sms", "wecom"),
    ),
    Offer(
        "o-summer", "coupon", "summer coupon, 15 yuan off", 1_500, 1_500, 10, "price",
        lift=1.3, recover=0.10, intrusion=0.6, minimum_spend=8_000, starts=30, ends=52,
    ),
    Offer(
        "o-sample", "product", "a sample of the new season", 1_200, 500, 15, "quality",
        lift=1.2, recover=0.12, intrusion=0.4, starts=60,
    ),
)  # fmt: skip
