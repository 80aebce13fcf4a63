-- The demographics are bands of age and income, for which the contract has no column; dim_household is
-- computed from the whole two years and would look into the future.
select distinct
    cast(household_key as varchar) as event_id,
    date '2016-01-01' as at,
    cast(household_key as varchar) as customer_id,
    'B2C' as kind
from windows_raw
order by 1
