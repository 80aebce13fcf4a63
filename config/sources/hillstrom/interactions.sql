-- The outcome `visit`: at least one visit to the web site within two weeks of the mail.
select customer_id || '-visit' as event_id, outcome_at as at, outcome_known_at as known_at, customer_id,
    'visit' as kind, 'web' as channel
from people
where visit = 1
order by cast(customer_id as integer)
