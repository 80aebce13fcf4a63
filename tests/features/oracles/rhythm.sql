-- Gaps between consecutive orders of the last 728 days, and the time since the last one against them.
with orders as (
  select distinct customer_id, order_id, "at" from transactions
  where quantity > 0 and "at" > t() - 728 * day()
), gaps as (
  select customer_id, "at", in_days(t() - max("at") over (partition by customer_id)) as elapsed,
    in_days("at" - lag("at") over (partition by customer_id order by "at")) as gap
  from orders
), habits as (
  select customer_id, any_value(elapsed) as elapsed, avg(gap) as mean, median(gap) as median,
    stddev_pop(gap) as std, max(gap) as longest, avg(cast(gap < elapsed as int)) as shorter
  from gaps where gap is not null group by all
), latest as (
  -- Two orders at the last moment have no gap between them.
  select customer_id, min(gap) as gap from gaps
  where gap is not null and "at" = (select max(g."at") from gaps g where g.customer_id = gaps.customer_id)
  group by all
)
select everyone.customer_id,
  mean as mean_days_between_orders, median as median_days_between_orders, std as std_days_between_orders,
  longest as max_days_between_orders, latest.gap as last_days_between_orders,
  std / nullif(mean, 0) as order_gap_variation,
  latest.gap / nullif(mean, 0) as order_gap_growth,
  elapsed / nullif(mean, 0) as order_lateness,
  elapsed / nullif(median, 0) as order_lateness_by_median,
  shorter as order_lateness_rank
from everyone left join habits using (customer_id) left join latest using (customer_id);
