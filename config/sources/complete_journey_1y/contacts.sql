-- The day a household was told is not in the data: the campaign's start stands for it. Campaigns came by post,
-- which is none of the contract's channels. Households were chosen by earlier purchases (type A) or by
-- rules that are not stated, so there is no propensity: their effect cannot be identified.
select
    campaign_id || '-' || household_id as event_id,
    start_date as at,
    household_id as customer_id,
    campaign_id as offer_id,
    'sent' as kind
from campaigns join campaign_descriptions using (campaign_id)
order by "at", event_id
