-- A member holds from the day of joining. Age 118 stands for missing (gender and income are missing with it).
-- An age in whole years leaves a year of birth dates: the middle one stands for it, right to half a year.
-- Income has no column in the contract.
select
    id as event_id,
    strptime(became_member_on, '%Y%m%d') as at,
    id as customer_id,
    'B2C' as kind,
    case gender when 'F' then 'female' when 'M' then 'male' when 'O' then 'other' end as gender,
    case when age < 118 then cast(date '2018-01-26' - to_years(age) as date) end as birth_on,
    strptime(became_member_on, '%Y%m%d') as joined_at
from profile
order by joined_at, customer_id
