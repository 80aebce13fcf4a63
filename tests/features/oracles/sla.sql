-- Whether complaints were served in time.
with opened as (
  select customer_id, case_id, min("at") as opened_at from interactions
  where kind = 'complaint_opened' and case_id is not null and "at" > t() - 728 * day() group by all
), served as (
  select o.customer_id, o.case_id, opened_at,
    min("at") filter (kind = 'complaint_answered') as answered_at,
    min("at") filter (kind = 'complaint_solved') as solved_at
  from opened o left join interactions i
    on i.customer_id = o.customer_id and i.case_id = o.case_id and "at" >= opened_at
  group by all
), judged as (
  select *, opened_at > t() - 364 * day() as is_recent,
    coalesce(answered_at, t()) > opened_at + day() as answer_late,
    coalesce(solved_at, t()) > opened_at + 3 * day() as solution_late
  from served
)
select everyone.customer_id,
  count(*) filter (is_recent and answer_late) as late_answers_364d,
  count(*) filter (is_recent and solution_late) as late_solutions_364d,
  avg(cast(solution_late as int)) filter (solution_late or solved_at is not null) as late_solution_share_728d,
  count(*) filter (solution_late and solved_at is null) as overdue_complaints_728d
from everyone left join judged using (customer_id) group by all;
