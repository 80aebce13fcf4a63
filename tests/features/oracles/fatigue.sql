-- Whether a customer is tired of us.
with made as (
  select c.customer_id, c."at", c.event_id, coalesce(bool_or(r.kind = 'viewed'), false) as viewed
  from contacts c left join responses r on r.customer_id = c.customer_id and r.contact_id = c.event_id
    and r."at" > t() - 728 * day()
  where c.kind <> 'held_back' and c."at" > t() - 364 * day() group by all
), answered as (
  select customer_id, max("at") as last from responses group by all
)
select everyone.customer_id,
  count(*) filter ("at" > coalesce(last, -1)) as contacts_since_last_response_364d,
  count(*) filter ("at" > t() - 28 * day()) / (nullif(count("at"), 0) / 13) as contact_pressure_28d,
  avg(cast(viewed as int)) filter ("at" > t() - 91 * day())
    - avg(cast(viewed as int)) filter ("at" <= t() - 91 * day()) as view_rate_change_91d
from everyone left join made using (customer_id) left join answered using (customer_id) group by all;

with stated as (
  select customer_id, string_split(consents, ',') as now,
    string_split(lag(consents) over (partition by customer_id order by "at", event_code), ',') as before
  from customers where consents is not null
)
select everyone.customer_id,
  count(*) filter (not list_has_all(now, before)) as consent_withdrawals
from everyone left join stated using (customer_id) group by all;
