-- Where and at what time of day a customer buys; an order's channel is its first line's.
with orders as (
  select customer_id, order_id, "at", arg_min(coalesce(channel, 'unknown'), event_code) as channel
  from transactions where quantity > 0 group by all
)
select w.customer_id, w.days,
  avg(cast(channel = 'store' as int)) as store_order_share,
  avg(cast(channel = 'web' as int)) as web_order_share,
  avg(cast(channel = 'app' as int)) as app_order_share,
  avg(cast(channel = 'phone' as int)) as phone_order_share,
  avg(cast(channel = 'partner' as int)) as partner_order_share,
  count(distinct channel) as order_channels,
  avg(cast(channel in ('web', 'app') as int)) as online_order_share
from windows w left join orders o
  on o.customer_id = w.customer_id and o."at" > w.since and channel <> 'unknown'
group by all;

with orders as (
  select distinct customer_id, order_id, "at", make_timestamptz("at") as local from transactions where quantity > 0
)
select w.customer_id, w.days,
  avg(cast(dayofweek(local) in (0, 6) as int)) as weekend_order_share,
  avg(cast(hour(local) >= 18 as int)) as evening_order_share,
  avg(cast(hour(local) < 6 as int)) as night_order_share
from windows w left join orders o on o.customer_id = w.customer_id and o."at" > w.since group by all;

select w.customer_id, w.days, count(distinct store_id) as stores
from windows w left join transactions l on l.customer_id = w.customer_id and l."at" > w.since and quantity > 0
group by all;
