-- One offer a campaign. ASSUMED, as in the source of the other Complete Journey: a redemption is worth a dollar.
select
    cast(campaign as varchar) as event_id,
    start_on as at,
    cast(campaign as varchar) as offer_id,
    'coupon' as kind,
    'Campaign ' || campaign || ' (' || kind || ')' as name,
    100 as reward,
    100 as cost,
    start_on as starts_at,
    cast(end_on + 1 as timestamp) - interval 1 microsecond as ends_at
from campaign_days
order by campaign
