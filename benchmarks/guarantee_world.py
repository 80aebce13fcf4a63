"""Random policies, offers and customers for benchmarks.guarantees, and what the service needs of them."""

from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import numpy as np

from decisions.assess import Assessment
from decisions.choice import Choices, Market, Reserved, free_market
from decisions.circumstance import Circumstances
from decisions.option import options
from decisions.plan import planned, spent_out
from decisions.policy import Policy
from models.scorer import Scores
from releases.home import Published
from releases.policy import FrozenPolicy
from serving.served import Served
from tables.contract import CONTACT_CHANNELS, OFFER_KINDS
from tables.moment import DAY
from tables.offer import Offer

MOMENT = 1_700_000_000_000_000
CHANNELS = len(CONTACT_CHANNELS)


class World(NamedTuple):
    """One week of one policy: what is known of everybody at its moment, its plan and its choices."""

    policy: Policy
    offers: tuple[Offer, ...]
    scores: Scores
    who: Circumstances
    market: Market
    reserved: Reserved
    choices: Choices
    served: Served


def made_world(customers: int, seed: int) -> World:
    """Budgets are drawn so that most bind, and so that some of them is left for decisions of later."""
    random = np.random.default_rng(seed)
    offers = tuple(_offer(k, random) for k in range(int(random.integers(2, 9))))
    policy = _policy(customers, random)
    shape = (customers, len(offers))
    uplift = random.normal(150, 250, shape)
    uplift[random.random(shape) < 0.1] = np.nan
    nothing = np.zeros(customers)
    scores = Scores(nothing, nothing, random.random(shape), uplift)
    who = _who(customers, policy, random)
    market = free_market(policy, offers)
    may = options(scores, offers, who, None, policy, MOMENT)
    # The plan may have a share of every bound; the rest is what the service may spend.
    share = random.uniform(0.1, 0.9)
    bounds = np.where(market.limits.bounds > 0, np.floor(market.limits.bounds * share), 0)
    plan, choices = planned(
        may, who, policy, MOMENT, market._replace(limits=market.limits._replace(bounds=bounds))
    )
    left = plan.market.remaining + market.limits.bounds - bounds
    market = spent_out(market.at(plan.market.prices))
    served = Served(
        published=Published(week=f"week-{seed}"),
        bundle=cast(Any, None),
        policy=FrozenPolicy("policy", policy, offers),
        week=cast(Any, SimpleNamespace(moment=MOMENT)),
        inbox=cast(Any, None),
        # At the plan's prices hardly anybody else is worth it; at lower ones many want what is left.
        market=market.at(market.prices * random.choice([0.0, 0.3, 1.0])),
        remainder=left,
        reserved=plan.reserved[0],
        reasons=cast(Any, None),
    )
    return World(policy, offers, scores, who, market, plan.reserved[0], choices, served)


def assessed_at(world: World, rows: Any) -> Assessment:
    """These customers as the service finds them assessed."""
    parts = Scores(*(part[rows] for part in world.scores))
    assessed = SimpleNamespace(scores=parts, who=world.who.rows(rows), facts=SimpleNamespace(places=rows))
    return cast(Assessment, assessed)


def _offer(place: int, random: np.random.Generator) -> Offer:
    return Offer(
        f"o{place}",
        str(random.choice(OFFER_KINDS)),
        "",
        reward=0,
        cost=int(random.integers(0, 300)),
        contact_cost=int(random.integers(0, 20)),
        starts_at=int(random.choice([0, MOMENT + DAY // 2, MOMENT + 9 * DAY], p=[0.8, 0.1, 0.1])),
        channels=tuple(random.permutation(CONTACT_CHANNELS)[: random.integers(1, CHANNELS + 1)].tolist()),
    )


def _policy(customers: int, random: np.random.Generator) -> Policy:
    some = random.permutation(CONTACT_CHANNELS)[:2].tolist()
    kinds = random.permutation(OFFER_KINDS)[:2].tolist()
    caps = [
        {"name": "all", "contacts": int(random.integers(1, 5)), "days": 7},
        {"name": "some", "contacts": int(random.integers(1, 3)), "days": 28, "channels": some},
        {"name": "kinds", "contacts": int(random.integers(1, 3)), "days": 364, "kinds": kinds},
    ]
    budgets: list[dict[str, Any]] = [
        {"name": "money", "chinese": "钱", "weekly": int(random.integers(1, 8) * customers), "kinds": kinds},
        {
            "name": "staff",
            "chinese": "人",
            "of": "contacts",
            "weekly": int(random.integers(1, 10) * customers // 100),
            "channels": some,
        },
    ]
    if random.random() < 0.3:
        share = float(random.uniform(0.05, 0.2))
        budgets.append(
            {"name": "share", "chinese": "份", "of": "contacts", "least_share": share, "channels": some}
        )
    return Policy.model_validate(
        {
            "name": "random",
            "margin_rate": 0.3,
            "risk_bands": [{"name": "any", "chinese": "任意", "below": 1.01}],
            "weekly_budget": int(random.integers(1, 20) * customers),
            "minimum_net_value": int(random.integers(0, 60)),
            "holdout": {"share": 0.1, "salt": "2026"},
            "unknown_consent": str(random.choice(["refuse", "allow"])),
            "channels": [
                {"name": name, "chinese": name, "cost": int(random.integers(0, 40))}
                for name in CONTACT_CHANNELS
            ],
            "caps": caps[: int(random.integers(1, 4))],
            "budgets": budgets[: int(random.integers(0, 4))],
            "exploration": {"share": 0.3, "among": 2} if random.random() < 0.3 else None,
        }
    )


def _who(customers: int, policy: Policy, random: np.random.Generator) -> Circumstances:
    return Circumstances(
        ids=np.array([f"c{k}" for k in range(customers)], dtype=object),
        consents=random.choice(np.array([np.nan, 255.0, *range(0, 256, 5)]), customers),
        is_personalised=np.ones(customers),
        held_out=random.random(customers) < random.choice([0.0, 0.1, 0.5]),
        stage=np.zeros(customers, np.int8),
        open_complaints=random.choice([0.0, 0.0, 0.0, 1.0, np.nan], customers),
        unanswered=np.zeros(customers),
        days_since_contact=np.full(customers, np.nan),
        contacts=random.choice(
            [0.0, 1.0, 2.0, np.nan], (customers, len(policy.caps)), p=[0.6, 0.2, 0.15, 0.05]
        ),
        days_to=np.empty((customers, 0)),
        hours=np.empty((customers, 0)),
    )
