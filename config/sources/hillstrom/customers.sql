-- A newbie came within the last twelve months: the one order we know of stands for the beginning. All
-- others were customers before that: they hold from thirteen months before the mail. The region is the
-- kind of zip code as the data spells it.
select
    customer_id as event_id,
    case when newbie = 1 then last_order_at else mailed_at - interval 13 months end as at,
    customer_id,
    'B2C' as kind,
    zip_code as region
from people
order by cast(customer_id as integer)
