-- The catalogue, and a bare row for each product that only receipt lines name (316 lines), so that
-- their spend is kept. The brand is National or Private. There are no prices.
select
    product_id as event_id,
    date '2016-11-14' as at,
    product_id,
    nullif(concat_ws(', ', product_type, package_size), '') as name,
    coalesce(product_category, department) as category,
    brand
from catalogue
union all
select distinct product_id, date '2016-11-14', product_id, null, null, null
from receipt_lines
where product_id not in (select product_id from catalogue)
order by product_id
