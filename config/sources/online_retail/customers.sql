-- A customer is known from its first line on, whatever the line is for. Thirteen customers have lines from
-- two countries: each change of country is a new row.
with moments as (
    select cast(customer as string) as customer_id, sold_at, min(country) as region
    from lines where customer is not null group by all
),
changes as (
    select * from moments
    qualify region is distinct from lag(region) over (partition by customer_id order by sold_at)
)
select
    customer_id || '-' || row_number() over (partition by customer_id order by sold_at) as event_id,
    sold_at as at,
    customer_id,
    region
from changes
order by customer_id, sold_at
