-- What a customer tells others.
select w.customer_id, w.days,
  count(*) filter (kind = 'review') as reviews,
  count(*) filter (kind = 'share') as shares,
  count(*) filter (kind = 'referral') as referrals,
  avg(rating) filter (kind = 'review') as mean_rating,
  count(distinct referred_customer_id) filter (kind = 'referral') as referred_customers
from windows w left join interactions i on i.customer_id = w.customer_id and i."at" > w.since group by all;

select everyone.customer_id,
  in_days(t() - max("at") filter (kind = 'review')) as days_since_last_review,
  in_days(t() - max("at") filter (kind = 'share')) as days_since_last_share,
  in_days(t() - max("at") filter (kind = 'referral')) as days_since_last_referral,
  arg_max(rating, ("at", event_code)) filter (kind = 'review' and rating is not null) as last_rating,
  avg(rating) filter (kind = 'review') as mean_rating
from everyone left join interactions using (customer_id) group by all;
