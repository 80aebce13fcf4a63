-- Which categories a customer comes to, leaves, and likes best.
with categories as (
  select customer_id, category, min("at") as first, max("at") as last,
    sum(amount) filter ("at" > t() - 364 * day()) as spend
  from transactions where quantity > 0 and category is not null and "at" > t() - 728 * day() group by all
)
select everyone.customer_id,
  count(*) filter (first > t() - 91 * day()) as new_categories_91d,
  count(*) filter (last > t() - 364 * day() and last <= t() - 182 * day()) as lapsed_categories_182d,
  in_days(t() - arg_max(last, (spend, last)) filter (spend is not null)) as days_since_top_category_364d
from everyone left join categories using (customer_id) group by all;
