-- The data has neither ids nor dates. A customer's id is the row's number. ASSUMED: the mails went out on
-- 2008-03-03, shortly before the data was published. The two weeks' outcomes have no day either: they stand in
-- the middle, a week after the mail, and are known at the end.
select
    cast(row_number() over () as varchar) as customer_id,
    timestamp '2008-03-03' as mailed_at,
    timestamp '2008-03-03' - to_months(cast(recency as integer)) as last_order_at,
    timestamp '2008-03-10' as outcome_at,
    timestamp '2008-03-17' as outcome_known_at,
    *
from test
