-- One row of the data is one line. The data has days and no orders; several rows of a customer on one day
-- are counted as one order of that day, as in the published models, and no row is merged.
-- * `date` is the number 19970112; the hour is unknown, so a purchase stands at the start of its day.
-- * A purchase may cost nothing (80 rows); it stays.
-- * Rows may repeat to the last column: they are numbered within customer and day.
select
    customer_id || '-' || date || '-' || row_number() over (
        partition by customer_id, date order by number_of_cds, dollar_value) as event_id,
    cast(concat_ws('-', left(day, 4), substring(day, 5, 2), right(day, 2)) as date) as at,
    cast(customer_id as string) as customer_id,
    customer_id || '-' || date as order_id,
    number_of_cds as quantity,
    cast(round(dollar_value * 100) as bigint) as amount,
    'web' as channel
from (select *, cast(date as string) as day from purchases)
order by "at", event_id
