-- How far a customer's points are from what they buy.
with balances as (
  select everyone.customer_id, coalesce(sum(if(kind = 'earned', points, -points)), 0) as balance,
    sum(points) filter (kind = 'expired' and "at" > t() - 364 * day()) as lapsed,
    sum(points) filter (kind = 'earned' and "at" > t() - 364 * day()) as earned
  from everyone left join points using (customer_id) group by all
)
select customer_id,
  greatest(1000 - balance, 0) as points_short_of_1000, greatest(5000 - balance, 0) as points_short_of_5000,
  coalesce(lapsed, 0) / nullif(earned, 0) as points_lapsed_share_364d
from balances;
