-- A redemption has a day and no hour. It stands at the end of its day, so that nothing is known before it
-- happened. Which receipt lines it paid for is not in the data: revenue is missing.
select
    concat_ws('-', campaign_id, household_id, coupon_upc, redemption_date) as event_id,
    cast(redemption_date + 1 as timestamp) - interval 1 microsecond as at,
    household_id as customer_id,
    campaign_id || '-' || household_id as contact_id,
    'redeemed' as kind
from redemptions
order by "at", event_id
