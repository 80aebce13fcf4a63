-- What a customer asks of the service, and how long complaints of the last 728 days wait.
select w.customer_id, w.days, count(*) filter (kind = 'service_contact') as service_contacts
from windows w left join interactions i on i.customer_id = w.customer_id and i."at" > w.since group by all;

select everyone.customer_id,
  in_days(t() - max("at") filter (kind = 'service_contact')) as days_since_last_service_contact
from everyone left join interactions using (customer_id) group by all;

with opened as (
  select customer_id, case_id, min("at") as opened_at from interactions
  where kind = 'complaint_opened' and case_id is not null and "at" > t() - 728 * day() group by all
)
select w.customer_id, w.days, count(case_id) as complaints
from windows w left join opened o on o.customer_id = w.customer_id and opened_at > w.since group by all;

with opened as (
  select customer_id, case_id, min("at") as opened_at from interactions
  where kind = 'complaint_opened' and case_id is not null and "at" > t() - 728 * day() group by all
), cases as (
  select opened.*,
    (select min("at") from interactions i where i.customer_id = opened.customer_id
      and i.case_id = opened.case_id and kind = 'complaint_answered' and "at" >= opened_at) as answered_at,
    (select min("at") from interactions i where i.customer_id = opened.customer_id
      and i.case_id = opened.case_id and kind = 'complaint_solved' and "at" >= opened_at) as solved_at
  from opened
)
select everyone.customer_id,
  count(*) filter (opened_at is not null and solved_at is null) as open_complaints,
  in_days(t() - max(opened_at)) as days_since_last_complaint,
  in_days(t() - min(opened_at) filter (solved_at is null)) as days_since_oldest_open_complaint,
  24 * avg(in_days(answered_at - opened_at)) as mean_hours_to_answer,
  24 * avg(in_days(solved_at - opened_at)) as mean_hours_to_solve,
  avg(case when coalesce(answered_at, t()) - opened_at > day() then 1 when answered_at is not null then 0 end)
    as late_answer_share
from everyone left join cases using (customer_id) group by all;
