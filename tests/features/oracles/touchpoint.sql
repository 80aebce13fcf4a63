-- On which channels a customer has to do with us.
select everyone.customer_id,
  count(*) filter (channel = 'email') as email_interactions_91d,
  count(*) filter (channel = 'app_push') as app_push_interactions_91d,
  count(*) filter (channel = 'wecom') as wecom_interactions_91d,
  count(*) filter (channel = 'sms') as sms_interactions_91d,
  count(*) filter (channel = 'community') as community_interactions_91d
from everyone left join interactions i
  on i.customer_id = everyone.customer_id and "at" > t() - 91 * day()
group by all;

with made as (
  select c.customer_id, c.channel, c.event_id, coalesce(bool_or(r.kind = 'viewed'), false) as viewed
  from contacts c left join responses r on r.customer_id = c.customer_id and r.contact_id = c.event_id
    and r."at" > t() - 728 * day()
  where c.kind <> 'held_back' and c."at" > t() - 364 * day() group by all
)
select everyone.customer_id,
  avg(cast(viewed as int)) filter (channel = 'email') as email_view_rate_364d,
  avg(cast(viewed as int)) filter (channel = 'app_push') as app_push_view_rate_364d,
  avg(cast(viewed as int)) filter (channel = 'wecom') as wecom_view_rate_364d,
  avg(cast(viewed as int)) filter (channel = 'sms') as sms_view_rate_364d
from everyone left join made using (customer_id) group by all;
