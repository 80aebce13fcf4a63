-- Repeat purchases and what they bring, by order and by local day.
with orders as (
  select customer_id, order_id, "at", sum(amount) as spend from transactions where quantity > 0 group by all
)
select everyone.customer_id,
  avg(spend) filter ("at" > (select min(o."at") from orders o where o.customer_id = everyone.customer_id))
    as mean_repeat_order_spend
from everyone left join orders using (customer_id) group by all;

with days as (
  select customer_id, cast(make_timestamptz("at") as date) as day, min("at") as "at", sum(amount) as spend
  from transactions where quantity > 0 group by all
), numbered as (
  select *, row_number() over (partition by customer_id order by day) as place from days
)
select everyone.customer_id,
  count(*) filter (place > 1) as repeat_purchase_days,
  coalesce(in_days(max("at") - min("at")), 0) as days_from_first_to_last_purchase,
  avg(spend) filter (place > 1) as mean_repeat_day_spend
from everyone left join numbered using (customer_id) group by all;
