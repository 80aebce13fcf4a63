-- A third got each mail and a third none, at random. Who got none is the control of both mails: one row
-- held back for each, so that either mail can be compared on its own.
select
    customer_id || '-' || line as event_id,
    mailed_at as at,
    customer_id,
    line || '_mail' as offer_id,
    case segment when 'No E-Mail' then 'held_back' else 'sent' end as kind,
    'email' as channel,
    1 / 3 as propensity
from people
join (values ('mens', 'Mens E-Mail'), ('womens', 'Womens E-Mail')) as lines (line, mail)
    on segment in (mail, 'No E-Mail')
order by cast(customer_id as integer), line
