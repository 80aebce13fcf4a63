-- (now - before) / (now + before) of orders, spend and interactions.
with orders as (
  select customer_id, order_id, "at", sum(amount) as spend from transactions where quantity > 0 group by all
), sums as (
  select w.customer_id, w.days,
    count(*) filter (o."at" > w.since) as orders,
    count(*) filter (o."at" <= w.since) as orders_before,
    coalesce(sum(spend) filter (o."at" > w.since), 0) as spend,
    coalesce(sum(spend) filter (o."at" <= w.since), 0) as spend_before
  from windows w left join orders o on o.customer_id = w.customer_id and o."at" > 2 * w.since - t()
  group by all
)
select customer_id, days,
  (orders - orders_before) / nullif(orders + orders_before, 0) as order_trend,
  (spend - spend_before) / nullif(spend + spend_before, 0) as spend_trend
from sums;

with sums as (
  select w.customer_id, w.days,
    count(*) filter (i."at" > w.since) as now, count(*) filter (i."at" <= w.since) as before
  from windows w left join interactions i on i.customer_id = w.customer_id and i."at" > 2 * w.since - t()
  group by all
)
select customer_id, days, (now - before) / nullif(now + before, 0) as interaction_trend from sums;
