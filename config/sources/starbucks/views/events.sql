-- The transcript counts hours since its start, which it does not date. ASSUMED: it starts on 2018-07-27, the
-- day after the last member joined. `copy` numbers rows that are equal to the last column.
select
    person as customer_id,
    event,
    time as hour,
    timestamptz '2018-07-27 00:00:00 America/Los_Angeles' + to_hours(time) as happened_at,
    coalesce("offer id", offer_id) as offer_id,
    amount,
    row_number() over (partition by person, event, time, value order by value) as copy
from transcript
