-- An offer received. On which of its channels, and how the about 12,700 members of a wave were chosen, is not
-- stated: channel and propensity are missing.
select
    concat_ws('-', customer_id, hour, offer_id) as event_id,
    happened_at as at,
    customer_id,
    offer_id,
    'sent' as kind
from events
where event = 'offer received'
order by "at", event_id
