-- The day of a contact is not in the data: the campaign's start stands for it.
select
    campaign_days.campaign || '-' || household_key as event_id,
    start_on as at,
    cast(household_key as varchar) as customer_id,
    cast(campaign_days.campaign as varchar) as offer_id,
    'sent' as kind
from contacted join campaign_days on contacted.CAMPAIGN = campaign_days.campaign
order by "at", event_id
