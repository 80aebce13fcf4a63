-- A transaction is what a member paid at one visit: one line, one piece.
with numbered as (
    select *, row_number() over (partition by customer_id, hour order by amount, copy) as n
    from events where event = 'transaction'
)
select
    concat_ws('-', customer_id, hour, n) as event_id,
    happened_at as at,
    customer_id,
    concat_ws('-', customer_id, hour, n) as order_id,
    1 as quantity,
    cast(round(amount * 100) as bigint) as amount
from numbered
order by "at", event_id
