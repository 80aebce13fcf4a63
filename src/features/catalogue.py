"""All families, in the order of their columns."""

from typing import Any

from features.affinity import affinity
from features.basket import basket, brand, category, product
from features.change import change, peak
from features.channel import channel, daytime, store
from features.channel_mix import channel_mix
from features.contact import contact, contact_channel, offer_kind, reward
from features.deal import deal
from features.engagement import engagement
from features.family import Family
from features.fatigue import fatigue, withdrawal
from features.habit import habit, interaction_habit
from features.holiday import holiday
from features.order import order
from features.order_size import order_size
from features.points import expiry, points
from features.points_goal import points_goal
from features.price import discount, price, sales_margin
from features.process import process
from features.profile import age, company, contract, level, membership, reach, tenure
from features.quality import dearer, quality
from features.repertoire import repertoire
from features.response import redemption, response, response_rate
from features.return_habit import return_habit
from features.returns import returns
from features.rhythm import rhythm
from features.season import season
from features.service import complaint, service
from features.sla import sla
from features.social import rating, referral, social
from features.stage import activation, stage
from features.survey import survey
from features.touchpoint import channel_response, touchpoint
from features.trend import interaction_trend, order_trend

FAMILIES: tuple[Family[Any], ...] = (
    order,
    process,
    order_size,
    rhythm,
    habit,
    order_trend,
    change,
    peak,
    season,
    basket,
    product,
    repertoire,
    category,
    affinity,
    brand,
    discount,
    deal,
    price,
    quality,
    dearer,
    sales_margin,
    returns,
    return_habit,
    channel,
    channel_mix,
    store,
    daytime,
    holiday,
    points,
    expiry,
    points_goal,
    engagement,
    touchpoint,
    interaction_habit,
    interaction_trend,
    service,
    complaint,
    sla,
    social,
    rating,
    referral,
    contact,
    contact_channel,
    offer_kind,
    reward,
    response,
    response_rate,
    channel_response,
    redemption,
    fatigue,
    survey,
    tenure,
    membership,
    activation,
    stage,
    age,
    level,
    company,
    reach,
    withdrawal,
    contract,
)
