-- Orders before holidays; a holiday is the last one from midnight UTC of its day on.
create or replace temp table holidays as
with moving as (
  select * from (values
    (date '2021-02-12', date '2021-06-14', date '2021-09-21'), (date '2022-02-01', date '2022-06-03', date '2022-09-10'),
    (date '2023-01-22', date '2023-06-22', date '2023-09-29'), (date '2024-02-10', date '2024-06-10', date '2024-09-17'),
    (date '2025-01-29', date '2025-05-31', date '2025-10-06'), (date '2026-02-17', date '2026-06-19', date '2026-09-25'),
    (date '2027-02-06', date '2027-06-09', date '2027-09-15')) as m(chinese_new_year, dragon_boat, mid_autumn)
)
select 'chinese_new_year' as holiday, chinese_new_year as day from moving
union all select 'dragon_boat', dragon_boat from moving
union all select 'mid_autumn', mid_autumn from moving
union all select unnest(['mid_year_sale', 'national_day', 'double_11', 'christmas']),
  unnest([make_date(year, 6, 18), make_date(year, 10, 1), make_date(year, 11, 11), make_date(year, 12, 25)])
from range(2021, 2028) as y(year);

with orders as (
  select distinct customer_id, order_id, "at", cast(make_timestamptz("at") as date) as on_day
  from transactions where quantity > 0 and "at" > t() - 728 * day()
)
select everyone.customer_id,
  avg(cast(exists (from holidays h where holiday = 'chinese_new_year' and h.day - on_day between 0 and 13) as int))
    filter (on_day is not null) as chinese_new_year_order_share_728d,
  avg(cast(exists (from holidays h where holiday = 'dragon_boat' and h.day - on_day between 0 and 13) as int))
    filter (on_day is not null) as dragon_boat_order_share_728d,
  avg(cast(exists (from holidays h where holiday = 'mid_year_sale' and h.day - on_day between 0 and 13) as int))
    filter (on_day is not null) as mid_year_sale_order_share_728d,
  avg(cast(exists (from holidays h where holiday = 'mid_autumn' and h.day - on_day between 0 and 13) as int))
    filter (on_day is not null) as mid_autumn_order_share_728d,
  avg(cast(exists (from holidays h where holiday = 'national_day' and h.day - on_day between 0 and 13) as int))
    filter (on_day is not null) as national_day_order_share_728d,
  avg(cast(exists (from holidays h where holiday = 'double_11' and h.day - on_day between 0 and 13) as int))
    filter (on_day is not null) as double_11_order_share_728d,
  avg(cast(exists (from holidays h where holiday = 'christmas' and h.day - on_day between 0 and 13) as int))
    filter (on_day is not null) as christmas_order_share_728d
from everyone left join orders using (customer_id) group by all;

with orders as (
  select distinct customer_id, cast(make_timestamptz("at") as date) as on_day
  from transactions where quantity > 0 and "at" > t() - 728 * day()
), instants as (
  select holiday, day, date_diff('day', date '1970-01-01', day) * day() as begins from holidays
), around as (
  select holiday, max(day) filter (begins <= t()) as last, min(begins) filter (begins > t()) as next
  from instants group by all
), own as (
  select everyone.customer_id, holiday, any_value(next) as next,
    coalesce(bool_or(last - on_day between 0 and 13), false) as ordered
  from everyone cross join around left join orders using (customer_id) group by all
)
select customer_id,
  max(cast(ordered as int)) filter (holiday = 'chinese_new_year') as has_ordered_before_last_chinese_new_year,
  max(cast(ordered as int)) filter (holiday = 'dragon_boat') as has_ordered_before_last_dragon_boat,
  max(cast(ordered as int)) filter (holiday = 'mid_year_sale') as has_ordered_before_last_mid_year_sale,
  max(cast(ordered as int)) filter (holiday = 'mid_autumn') as has_ordered_before_last_mid_autumn,
  max(cast(ordered as int)) filter (holiday = 'national_day') as has_ordered_before_last_national_day,
  max(cast(ordered as int)) filter (holiday = 'double_11') as has_ordered_before_last_double_11,
  max(cast(ordered as int)) filter (holiday = 'christmas') as has_ordered_before_last_christmas,
  in_days(min(next) filter (ordered) - t()) as days_to_next_own_holiday
from own group by all;
