-- What a customer says when asked.
select w.customer_id, w.days,
  avg(score) filter (kind = 'nps') as mean_nps,
  avg(score) filter (kind = 'csat') as mean_csat,
  count(score) as surveys
from windows w left join surveys s on s.customer_id = w.customer_id and s."at" > w.since group by all;

with answers as (
  select *, row_number() over (partition by customer_id, kind order by "at" desc, event_code desc) as place
  from surveys
)
select everyone.customer_id,
  max(score) filter (kind = 'nps' and place = 1) as last_nps,
  max(score) filter (kind = 'csat' and place = 1) as last_csat,
  max(score) filter (kind = 'nps' and place = 1) - max(score) filter (kind = 'nps' and place = 2) as nps_change,
  max(score) filter (kind = 'csat' and place = 1) - max(score) filter (kind = 'csat' and place = 2) as csat_change,
  in_days(t() - max("at")) as days_since_last_survey
from everyone left join answers using (customer_id) group by all;
