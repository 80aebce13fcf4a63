-- Who a customer is, as the last row known of them says.
with latest as (
  select * from customers qualify row_number() over (partition by customer_id order by "at" desc, event_code desc) = 1
)
select everyone.customer_id,
  in_days(t() - joined_at) as days_since_joined,
  (in_days(t()) - date_diff('day', date '1970-01-01', birth_on)) / 365.2425::double as age_years,
  cast(kind = 'B2B' as int) as is_b2b,
  len(string_split(consents, ',')) as contactable_channels,
  date_diff('day', date '1970-01-01', contract_until) + 1 - in_days(t()) as days_to_contract_end
from everyone left join latest using (customer_id);

with stated as (
  select *, level - lag(level) over (partition by customer_id order by "at", event_code) as change
  from customers where level is not null
)
select everyone.customer_id,
  arg_max(level, ("at", event_code)) as level,
  max(level) - arg_max(level, ("at", event_code)) as levels_below_highest,
  count(*) filter (change <> 0) as level_changes,
  arg_max(change, ("at", event_code)) filter (change <> 0) as last_level_change,
  in_days(t() - max("at") filter (change <> 0)) as days_since_level_change
from everyone left join stated using (customer_id) group by all;

with events as (
  select customer_id, "at" from customers union all select customer_id, "at" from transactions
  union all select customer_id, "at" from points union all select customer_id, "at" from interactions
  union all select customer_id, "at" from contacts union all select customer_id, "at" from responses
  union all select customer_id, "at" from surveys
)
select everyone.customer_id, in_days(t() - min("at")) as days_since_first_event
from everyone left join events using (customer_id) group by all;
