-- A window in which a household spent something is one order of its whole spend, at the end of the window's
-- last day: nothing of it is known before. Windows overlap, so spend is counted in each. Campaigns that
-- begin on one day have the same windows.
with windows as (
    select household_key, start_day - 28 as first_day, start_on as closes_on, Pre_Spend as spend
    from windows_raw join campaign_days on windows_raw.CAMPAIGN = campaign_days.campaign
    union
    select household_key, start_day, cast(start_on + 28 as date), Post_Spend
    from windows_raw join campaign_days on windows_raw.CAMPAIGN = campaign_days.campaign
    where Has_Complete_Post_Window
)
select
    household_key || '-' || first_day as event_id,
    cast(closes_on as timestamp) - interval 1 microsecond as at,
    cast(household_key as varchar) as customer_id,
    household_key || '-' || first_day as order_id,
    1 as quantity,
    cast(round(any_value(spend) * 100) as bigint) as amount,
    'store' as channel
from windows
group by household_key, first_day, closes_on
having any_value(spend) > 0
order by "at", event_id
