-- Where a customer stands in the life of a customer.
with orders as (
  select distinct customer_id, order_id, "at" from transactions where quantity > 0
), placed as (
  select *, row_number() over own as place, min("at") over (partition by customer_id) as first
  from orders window own as (partition by customer_id order by "at")
), recent as (
  select customer_id, "at" - lag("at") over (partition by customer_id order by "at") as gap
  from orders where "at" > t() - 728 * day()
), returned as (
  select customer_id, count(*) as comebacks from recent where gap > 182 * day() group by all
)
select everyone.customer_id,
  in_days(max("at") filter (place = 2) - any_value(first)) as days_to_second_order,
  count(*) filter ("at" < first + 91 * day()) as orders_in_first_91d,
  coalesce(any_value(comebacks), 0) as comebacks_728d
from everyone left join placed using (customer_id) left join returned using (customer_id) group by all;

with latest as (
  select * from customers qualify row_number() over (partition by customer_id order by "at" desc, event_code desc) = 1
)
select everyone.customer_id,
  in_days((select min("at") from transactions l where l.customer_id = everyone.customer_id and quantity > 0)
    - joined_at) as days_from_joining_to_first_order
from everyone left join latest using (customer_id);
