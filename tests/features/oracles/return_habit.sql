-- Whether a customer who sends things back buys again.
with last as (
  select customer_id, max("at") as "at" from transactions where quantity < 0 group by all
), since as (
  select last.customer_id, count(distinct (o.order_id, o."at")) filter (o."at" is not null) as orders
  from last left join transactions o
    on o.customer_id = last.customer_id and o.quantity > 0 and o."at" > last."at"
  group by all
)
select everyone.customer_id,
  count(*) filter (quantity < 0 and "at" > t() - 364 * day())
    / nullif(count(*) filter (quantity > 0 and "at" > t() - 364 * day()), 0) as returned_line_share_364d,
  any_value(since.orders) as orders_since_last_return
from everyone left join transactions using (customer_id) left join since using (customer_id) group by all;
