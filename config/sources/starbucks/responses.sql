-- Viewed, and completed (redeemed; it may come without a view). The data names the offer and not the contact:
-- the member's latest contact with that offer is meant. When one hour completes an offer twice, two
-- contacts were live: the second copy belongs to the contact before. Money is in transactions alone.
select
    concat_ws('-', response.customer_id, response.hour, response.offer_id,
        case response.event when 'offer viewed' then 'viewed' else 'redeemed' end, response.copy) as event_id,
    response.happened_at as at,
    response.customer_id,
    concat_ws('-', contact.customer_id, contact.hour, contact.offer_id) as contact_id,
    case response.event when 'offer viewed' then 'viewed' else 'redeemed' end as kind
from events as response
join events as contact
    on contact.customer_id = response.customer_id
    and contact.offer_id = response.offer_id
    and contact.event = 'offer received'
    and contact.hour <= response.hour
where response.event in ('offer viewed', 'offer completed')
qualify response.copy = row_number() over (
    partition by response.customer_id, response.event, response.offer_id, response.hour, response.copy
    order by contact.hour desc)
order by "at", event_id
