-- Loyalty points; what lapses soonest is taken to be spent first.
select w.customer_id, w.days,
  coalesce(sum(points) filter (kind = 'earned'), 0) as points_earned,
  coalesce(sum(points) filter (kind = 'spent'), 0) as points_spent,
  coalesce(sum(points) filter (kind = 'expired'), 0) as points_expired
from windows w left join points p on p.customer_id = w.customer_id and p."at" > w.since group by all;

select everyone.customer_id,
  coalesce(sum(if(kind = 'earned', points, -points)), 0) as points_balance,
  coalesce(sum(points) filter (kind = 'spent'), 0) / nullif(sum(points) filter (kind = 'earned'), 0)
    as points_spent_share,
  in_days(t() - max("at") filter (kind = 'earned')) as days_since_points_earned,
  in_days(t() - max("at") filter (kind = 'spent')) as days_since_points_spent
from everyone left join points p using (customer_id) group by all;

-- Lot by lot, soonest to lapse first: what is left of each after all that was spent or lapsed.
with used as (
  select customer_id, sum(points) as used from points where kind <> 'earned' group by all
), lots as (
  select customer_id, points, expires_at,
    sum(points) over (partition by customer_id order by expires_at, event_id rows unbounded preceding) as upto
  from points where kind = 'earned' and expires_at is not null
), remaining as (
  select customer_id, expires_at, least(points, greatest(upto - coalesce(used, 0), 0)) as unspent
  from lots left join used using (customer_id)
)
select everyone.customer_id,
  coalesce(sum(unspent) filter (expires_at > t() and expires_at <= t() + 28 * day()), 0)
    as points_expiring_within_28d,
  coalesce(sum(unspent) filter (expires_at > t() and expires_at <= t() + 91 * day()), 0)
    as points_expiring_within_91d
from everyone left join remaining using (customer_id) group by all;
