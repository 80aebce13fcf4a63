-- Buy one get one is a gift, a discount a coupon, information about a product has no reward.
-- ASSUMED: a reward costs the business its face value. The days that an offer is valid (3 to 10) run from each
-- contact on, so that the offer itself has no end. Web is told in the app, social in the community.
select
    id as event_id,
    date '2018-07-27' as at,
    id as offer_id,
    case offer_type when 'bogo' then 'gift' when 'discount' then 'coupon' else 'product' end as kind,
    concat_ws(' ', offer_type, difficulty, 'for', reward, 'within', cast(duration as integer), 'days') as name,
    reward * 100 as reward,
    reward * 100 as cost,
    difficulty * 100 as minimum_spend,
    date '2018-07-27' as starts_at,
    concat_ws(',',
        case when list_contains(channels, 'email') then 'email' end,
        case when list_contains(channels, 'mobile') then 'app_push' end,
        case when list_contains(channels, 'web') then 'in_app' end,
        case when list_contains(channels, 'social') then 'community' end) as channels
from portfolio
order by id
