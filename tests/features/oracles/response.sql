-- What a customer makes of our contacts.
select w.customer_id, w.days,
  count(*) filter (kind = 'viewed') as offers_viewed,
  count(*) filter (kind = 'accepted') as offers_accepted,
  count(*) filter (kind = 'redeemed') as offers_redeemed,
  coalesce(sum(revenue) filter (kind = 'redeemed'), 0) as redemption_revenue
from windows w left join responses r on r.customer_id = w.customer_id and r."at" > w.since group by all;

select everyone.customer_id,
  in_days(t() - max("at") filter (kind in ('accepted', 'redeemed'))) as days_since_last_response
from everyone left join responses using (customer_id) group by all;

with made as (
  select c.customer_id, c."at", c.event_id,
    coalesce(bool_or(r.kind = 'viewed'), false) as viewed,
    coalesce(bool_or(r.kind in ('accepted', 'redeemed')), false) as answered
  from contacts c left join responses r on r.customer_id = c.customer_id and r.contact_id = c.event_id
    and r."at" > t() - 728 * day()
  where c.kind <> 'held_back' group by all
)
select w.customer_id, w.days, avg(cast(viewed as int)) as view_rate, avg(cast(answered as int)) as response_rate
from windows w left join made m on m.customer_id = w.customer_id and m."at" > w.since group by all;
