-- How much a customer has to do with us besides buying.
select w.customer_id, w.days,
  count(*) filter (kind = 'visit') as visits,
  count(*) filter (kind = 'login') as logins,
  count(*) filter (kind = 'message_opened') as messages_opened,
  count(*) filter (kind = 'message_clicked') as messages_clicked,
  count(*) filter (kind = 'message_clicked') / nullif(count(*) filter (kind = 'message_opened'), 0)
    as clicks_per_open,
  count(distinct cast(make_timestamptz("at") as date)) as active_days
from windows w left join interactions i on i.customer_id = w.customer_id and i."at" > w.since group by all;

select everyone.customer_id,
  in_days(t() - max("at") filter (kind = 'visit')) as days_since_last_visit,
  in_days(t() - max("at") filter (kind = 'login')) as days_since_last_login,
  in_days(t() - max("at")) as days_since_last_interaction
from everyone left join interactions using (customer_id) group by all;
