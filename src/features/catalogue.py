"""All families, in the order of their columns."""

from typing import Any

from features.basket import basket, brand, category, product
from features.channel import channel, daytime, store
from features.contact import contact, contact_channel, offer_kind, reward
from features.engagement import engagement
from features.family import Family
from features.order import order
from features.points import expiry, points
from features.price import discount, price, sales_margin
from features.profile import age, company, contract, level, membership, reach, tenure
from features.response import redemption, response, response_rate
from features.returns import returns
from features.rhythm import rhythm
from features.service import complaint, service
from features.social import rating, referral, social
from features.survey import survey
from features.trend import interaction_trend, order_trend

FAMILIES: tuple[Family[Any], ...] = (
    order,
    rhythm,
    order_trend,
    basket,
    product,
    category,
    brand,
    discount,
    price,
    sales_margin,
    returns,
    channel,
    store,
    daytime,
    points,
    expiry,
    engagement,
    interaction_trend,
    service,
    complaint,
    social,
    rating,
    referral,
    contact,
    contact_channel,
    offer_kind,
    reward,
    response,
    response_rate,
    redemption,
    survey,
    tenure,
    membership,
    age,
    level,
    company,
    reach,
    contract,
)
