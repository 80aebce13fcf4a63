-- What a customer puts into a basket.
select w.customer_id, w.days,
  count("at") as lines,
  coalesce(sum(quantity), 0) as pieces,
  count("at") / nullif(count(distinct (order_id, "at")) filter ("at" is not null), 0) as lines_per_order,
  sum(quantity) / nullif(count(distinct (order_id, "at")) filter ("at" is not null), 0) as pieces_per_order,
  sum(amount) / sum(quantity) as price_per_piece,
  count(distinct product_id) as products,
  count(product_id) / nullif(count(distinct product_id), 0) as lines_per_product,
  count(distinct category) as categories,
  count(distinct brand) as brands
from windows w left join transactions l on l.customer_id = w.customer_id and l."at" > w.since and quantity > 0
group by all;

with spend as (
  select w.customer_id, w.days, category, sum(amount) as amount
  from windows w join transactions l on l.customer_id = w.customer_id and l."at" > w.since
  where quantity > 0 and category is not null group by all
), shares as (
  select customer_id, days, amount / nullif(sum(amount) over (partition by customer_id, days), 0) as share
  from spend
)
select w.customer_id, w.days, max(share) as top_category_share, sum(share * share) as category_concentration
from windows w left join shares using (customer_id, days) group by all;

with spend as (
  select w.customer_id, w.days, brand, sum(amount) as amount
  from windows w join transactions l on l.customer_id = w.customer_id and l."at" > w.since
  where quantity > 0 and brand is not null group by all
)
select w.customer_id, w.days, max(amount) / nullif(sum(amount), 0) as top_brand_share
from windows w left join spend using (customer_id, days) group by all;
