-- Day 285 of the data is 2017-01-01.
select
    CAMPAIGN as campaign,
    DESCRIPTION as kind,
    START_DAY as start_day,
    cast(date '2017-01-01' + cast(START_DAY - 285 as integer) as date) as start_on,
    cast(date '2017-01-01' + cast(END_DAY - 285 as integer) as date) as end_on
from descriptions
