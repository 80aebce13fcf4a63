-- What a discount does to a customer.
with lines as (
  select customer_id, "at", quantity, coalesce(discount, 0) as off,
    coalesce(discount, 0) > 0 and discount / (amount + discount) >= 0.2 as is_deep,
    "at" = min("at") over (partition by customer_id) as is_first
  from transactions where quantity > 0
)
select everyone.customer_id,
  avg(cast(is_deep as int)) filter ("at" > t() - 364 * day())
    as deep_discount_line_share_364d,
  avg(quantity) filter (is_deep and "at" > t() - 364 * day())
    / avg(quantity) filter (not is_deep and "at" > t() - 364 * day()) as discount_stocking_up_364d,
  in_days(t() - max("at") filter (off = 0)) as days_since_full_price_line,
  max(cast(off > 0 as int)) filter (is_first) as has_discounted_first_order
from everyone left join lines using (customer_id) group by all;
