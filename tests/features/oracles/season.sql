-- Orders of this quarter, of the same a year ago, and of the one that followed it.
with orders as (
  select distinct customer_id, order_id, "at" from transactions where quantity > 0
), sums as (
  select everyone.customer_id,
    count(*) filter ("at" > t() - 91 * day()) as now,
    count(*) filter ("at" > t() - 455 * day() and "at" <= t() - 364 * day()) as year_ago,
    count(*) filter ("at" > t() - 364 * day() and "at" <= t() - 273 * day()) as coming
  from everyone left join orders using (customer_id) group by all
)
select customer_id, (now - year_ago) / nullif(now + year_ago, 0) as order_trend_on_year_91d,
  coming as orders_a_year_before_next_91d
from sums;
