-- The products a customer tries, buys again, and is due to buy again.
with lines as (
  select *, cast(make_timestamptz("at") as date) as day from transactions
  where quantity > 0 and product_id is not null and "at" > t() - 728 * day()
), repeated as (
  select *, day > min(day) over (partition by customer_id, product_id) as is_repeat from lines
)
select everyone.customer_id, avg(cast(is_repeat as int)) as repeat_line_share_364d
from everyone left join repeated
  on repeated.customer_id = everyone.customer_id and "at" > t() - 364 * day()
group by all;

with products as (
  select customer_id, product_id, min("at") as first, max("at") as last,
    count(distinct cast(make_timestamptz("at") as date)) as days
  from transactions where quantity > 0 and product_id is not null and "at" > t() - 728 * day() group by all
)
select everyone.customer_id,
  count(*) filter (first > t() - 91 * day()) as new_products_91d,
  count(*) filter (days >= 3 and (t() - last) / ((last - first) / (days - 1)) > 1.5) as overdue_products_728d
from everyone left join products using (customer_id) group by all;
