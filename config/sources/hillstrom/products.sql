-- The two lines of goods that the data tells apart, each as one product.
select line as event_id, date '2007-01-01' as at, line as product_id, line as category
from (values ('mens'), ('womens')) as lines (line)
order by line
