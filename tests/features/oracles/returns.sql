-- What a customer sends back.
select w.customer_id, w.days,
  count(*) filter (quantity < 0) as returned_lines,
  -coalesce(sum(amount) filter (quantity < 0), 0) as returned_amount,
  -coalesce(sum(amount) filter (quantity < 0), 0) / nullif(sum(amount) filter (quantity > 0), 0)
    as returned_share
from windows w left join transactions l on l.customer_id = w.customer_id and l."at" > w.since group by all;

select everyone.customer_id, in_days(t() - max("at")) as days_since_last_return
from everyone left join transactions l on l.customer_id = everyone.customer_id and quantity < 0 group by all;
