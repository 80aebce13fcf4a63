-- The two mails. They carry no reward; what sending one costs is not in the data.
select
    line || '_mail' as event_id,
    date '2008-03-03' as at,
    line || '_mail' as offer_id,
    'product' as kind,
    0 as reward,
    0 as cost,
    line as category,
    date '2008-03-03' as starts_at,
    date '2008-03-17' as ends_at,
    'email' as channels
from (values ('mens'), ('womens')) as lines (line)
order by line
