-- When and how often a customer buys, and for how much.
with orders as (
  select customer_id, order_id, "at", sum(amount) as spend from transactions where quantity > 0 group by all
)
select everyone.customer_id,
  in_days(t() - max("at")) as days_since_last_order,
  in_days(t() - min("at")) as days_since_first_order,
  count("at") as orders_ever,
  coalesce(sum(spend), 0) as spend_ever
from everyone left join orders using (customer_id) group by all;

with orders as (
  select customer_id, order_id, "at", sum(amount) as spend from transactions where quantity > 0 group by all
)
select w.customer_id, w.days,
  count("at") as orders,
  coalesce(sum(spend), 0) as spend,
  avg(spend) as spend_per_order
from windows w left join orders o on o.customer_id = w.customer_id and o."at" > w.since group by all;
