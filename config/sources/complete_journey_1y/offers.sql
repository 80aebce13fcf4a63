-- One offer a campaign: the campaign's whole set of coupons. A coupon's value is not in the data. ASSUMED: a
-- redemption is worth 1.00 dollar to the household, the median discount of the 1,545 sampled lines on which
-- a coupon was used (mean 1.22, and 0.21 matched by the retailer). ASSUMED, to be on the safe side:
-- it costs the business as much, though a manufacturer pays most of it back.
-- The mailing's own cost is unknown and missing.
select
    campaign_id as event_id,
    start_date as at,
    campaign_id as offer_id,
    'coupon' as kind,
    'Campaign ' || campaign_id || ' (' || campaign_type || ')' as name,
    100 as reward,
    100 as cost,
    start_date as starts_at,
    cast(end_date + 1 as timestamp) - interval 1 microsecond as ends_at
from campaign_descriptions
order by cast(campaign_id as integer)
