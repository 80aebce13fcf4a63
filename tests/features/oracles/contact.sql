-- What we sent or showed a customer, and what we held back.
select w.customer_id, w.days,
  count(*) filter (kind in ('sent', 'shown')) as contacts,
  count(*) filter (kind = 'held_back') as contacts_held_back,
  count(distinct channel) filter (kind <> 'held_back') as contact_channels,
  count(*) filter (kind <> 'held_back' and offer_kind = 'coupon') as coupons_offered,
  count(*) filter (kind <> 'held_back' and offer_kind = 'points_multiplier') as points_multipliers_offered,
  count(*) filter (kind <> 'held_back' and offer_kind = 'free_delivery') as free_deliveries_offered,
  count(*) filter (kind <> 'held_back' and offer_kind = 'gift') as gifts_offered,
  count(*) filter (kind <> 'held_back' and offer_kind = 'rebate') as rebates_offered,
  count(*) filter (kind <> 'held_back' and offer_kind = 'product') as products_offered,
  count(*) filter (kind <> 'held_back' and offer_kind = 'care') as care_offered,
  count(*) filter (kind <> 'held_back' and offer_kind = 'win_back') as win_backs_offered,
  avg(reward) filter (kind <> 'held_back') as mean_reward_offered
from windows w left join contacts c on c.customer_id = w.customer_id and c."at" > w.since group by all;

select everyone.customer_id,
  in_days(t() - max("at") filter (kind <> 'held_back')) as days_since_last_contact
from everyone left join contacts using (customer_id) group by all;
