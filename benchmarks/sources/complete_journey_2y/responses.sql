-- A redemption has a day and no hour: it stands at the end of its day.
select
    concat_ws('-', campaign_days.campaign, household_key, COUPON_UPC, DAY) as event_id,
    cast(date '2017-01-01' + cast(DAY - 285 + 1 as integer) as timestamp) - interval 1 microsecond as at,
    cast(household_key as varchar) as customer_id,
    campaign_days.campaign || '-' || household_key as contact_id,
    'redeemed' as kind
from redemptions join campaign_days on redemptions.CAMPAIGN = campaign_days.campaign
order by "at", event_id
