-- Of the year before the mail only its sum (`history`), the months since the last purchase (`recency`) and the
-- lines bought (`mens`, `womens`) are known. They become one order `recency` months before the mail with
-- the year's sum as its amount: recency and money are true, the number of orders is not known. Who bought
-- both lines has two order lines that share the sum half and half. Multichannel has no channel.
-- The outcome `spend` becomes one order after the mail.
with past as (
    select *, unnest(case
        when mens = 1 and womens = 1 then ['mens', 'womens']
        when mens = 1 then ['mens'] else ['womens'] end) as line,
        cast(round(history * 100) as bigint) as cents
    from people
)
select
    customer_id || '-past-' || line as event_id,
    last_order_at as at,
    last_order_at as known_at,
    customer_id,
    customer_id || '-past' as order_id,
    1 as quantity,
    case when mens + womens = 1 then cents when line = 'mens' then cents // 2
        else cents - cents // 2 end as amount,
    line as product_id,
    case channel when 'Phone' then 'phone' when 'Web' then 'web' end as channel
from past
union all
select customer_id || '-after', outcome_at, outcome_known_at, customer_id, customer_id || '-after',
    1, cast(round(spend * 100) as bigint), null, null
from people
where spend > 0
order by "at", event_id
