-- How large orders are, one against the other.
with orders as (
  select customer_id, order_id, "at", sum(amount) as spend from transactions
  where quantity > 0 and "at" > t() - 364 * day() group by all
)
select everyone.customer_id,
  arg_max(spend, ("at", spend)) / nullif(avg(spend), 0) as last_order_to_usual_364d,
  stddev_pop(spend) / nullif(avg(spend), 0) as order_spend_variation_364d
from everyone left join orders using (customer_id) group by all;
