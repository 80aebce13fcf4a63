-- What a customer pays. Sales only.
select w.customer_id, w.days,
  coalesce(sum(discount), 0) as discount,
  coalesce(sum(discount), 0) / nullif(sum(amount + coalesce(discount, 0)), 0) as discount_share,
  avg(if("at" is null, null, cast(coalesce(discount, 0) > 0 as int))) as discounted_line_share,
  sum(amount) filter (list_price is not null) / nullif(sum(list_price * quantity), 0) as price_to_list,
  coalesce(sum(amount - unit_cost * quantity), 0) as sales_margin,
  sum(amount - unit_cost * quantity)
    / nullif(sum(amount) filter (unit_cost is not null), 0) as sales_margin_share
from windows w left join transactions l on l.customer_id = w.customer_id and l."at" > w.since and quantity > 0
group by all;
