-- When the order rate changed most, and how far spend is from its best quarter.
with orders as (
  select distinct customer_id, order_id, "at" from transactions where quantity > 0 and "at" > t() - 728 * day()
), firsts as (
  select customer_id, min("at") as first, count(*) - 1 as repeats from orders group by all having count(*) >= 4
), candidates as (
  -- Just before the orders of a moment, or just after them.
  select customer_id, "at", repeats, first,
    unnest([
      (select count(*) from orders b where b.customer_id = o.customer_id and b."at" < o."at") - 1,
      (select count(*) from orders b where b.customer_id = o.customer_id and b."at" <= o."at") - 1
    ]) as before
  from orders o join firsts using (customer_id) where "at" > first and "at" < t()
), furthest as (
  select *, before / ("at" - first) as rate_before, (repeats - before) / (t() - "at") as rate_after
  from candidates
  qualify row_number() over (
    partition by customer_id
    order by abs(before / repeats - ("at" - first) / (t() - first)) desc, "at" desc, before desc) = 1
)
select everyone.customer_id,
  in_days(t() - "at") as days_since_order_rate_change_728d,
  (rate_after - rate_before) / nullif(rate_after + rate_before, 0) as order_rate_change_728d
from everyone left join furthest using (customer_id);

with quarters as (
  select customer_id, (t() - "at") // (91 * day()) as quarter, sum(amount) as spend
  from transactions where quantity > 0 and "at" > t() - 728 * day() group by all
)
select everyone.customer_id,
  if(count(spend) = 0, null, coalesce(sum(spend) filter (quarter = 0), 0)) / nullif(max(spend), 0)
    as spend_to_peak_91d
from everyone left join quarters using (customer_id) group by all;
