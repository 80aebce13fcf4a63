-- All households that any table names. The panel was chosen beforehand, so that each household holds from
-- the first day of the data, the start of the first campaign. The demographics (bands of age, income
-- and household) have no column in the contract and are left out: a birth date is no age band.
select household_id as event_id, date '2016-11-14' as at, household_id as customer_id, 'B2C' as kind
from (
    select household_id from receipt_lines
    union select household_id from demographics
    union select household_id from campaigns
    union select household_id from redemptions
)
order by household_id
