-- How regular a customer is.
with orders as (
  select distinct customer_id, order_id, "at", cast(make_timestamptz("at") as date) as day
  from transactions where quantity > 0 and "at" > t() - 364 * day()
), weekdays as (
  select customer_id, isodow(day) as weekday, count(*) as orders from orders group by all
)
select everyone.customer_id,
  (select count(distinct (t() - "at") // (28 * day())) from orders where orders.customer_id = everyone.customer_id)
    as order_periods_364d,
  max(orders) / nullif(sum(orders), 0) as top_weekday_share_364d
from everyone left join weekdays using (customer_id) group by all;

with days as (
  select customer_id, cast(make_timestamptz("at") as date) as day, max("at") as "at"
  from interactions where "at" > t() - 364 * day() group by all
)
select everyone.customer_id,
  in_days(t() - max("at")) / nullif(date_diff('day', min(day), max(day)) / nullif(count(*) - 1, 0), 0)
    as interaction_lateness_364d
from everyone left join days using (customer_id) group by all;
