-- How dear the things are that a customer chooses, by list prices.
with means as (
  select everyone.customer_id,
    avg(list_price) filter ("at" > t() - 364 * day()) as now,
    avg(list_price) filter ("at" <= t() - 364 * day()) as before
  from everyone left join transactions l
    on l.customer_id = everyone.customer_id and quantity > 0 and "at" > t() - 728 * day()
  group by all
)
select customer_id, now as mean_list_price_364d,
  (now - before) / nullif(now + before, 0) as list_price_trend_364d
from means;

with lines as (
  select customer_id, "at", list_price * count(*) over own > sum(list_price) over own as is_dearer
  from transactions
  where quantity > 0 and "at" > t() - 728 * day() and category is not null and list_price is not null
  window own as (partition by customer_id, category)
)
select everyone.customer_id, avg(cast(is_dearer as int)) as dearer_line_share_91d
from everyone left join lines l on l.customer_id = everyone.customer_id and "at" > t() - 91 * day()
group by all;
