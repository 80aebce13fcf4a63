-- Whether a customer moves from one sales channel to another; an order's channel is its first line's.
with orders as (
  select customer_id, order_id, "at", arg_min(coalesce(channel, 'unknown'), event_code) as channel
  from transactions where quantity > 0 and "at" > t() - 364 * day() group by all
)
select everyone.customer_id,
  avg(cast(channel in ('web', 'app') as int)) filter ("at" > t() - 182 * day())
    - avg(cast(channel in ('web', 'app') as int)) filter ("at" <= t() - 182 * day())
    as online_order_share_change_182d,
  count(distinct channel) filter ("at" > t() - 91 * day() and not exists (
    select 1 from orders b where b.customer_id = o.customer_id and b.channel = o.channel
      and b."at" <= t() - 91 * day())) as new_order_channels_91d
from everyone left join orders o on o.customer_id = everyone.customer_id and channel <> 'unknown'
group by all;
