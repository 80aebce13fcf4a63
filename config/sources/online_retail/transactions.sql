-- Spend is what was paid for products. Postage, discounts on whole invoices, manual entries and the like are
-- left out and counted: a discount line has a negative quantity but returns nothing, and a manual
-- entry of 38,970 pounds and its reversal would drown what a customer bought.
-- * A cancellation (invoice C...) is a return: negative quantity, negative amount. The data does not say
--   which line it returns.
-- * A line at price 0 is a free piece that came with an order; it stays, with amount 0.
-- * Lines have no number and may repeat to the last column: two scans of one product. They get a
--   number within invoice and product; lines that are equal are interchangeable.
-- * A few invoices were keyed in over two minutes; an order has one moment, the first.
-- * A stock code in small letters is the same product.
select
    invoice || '-' || upper(stock_code) || '-' || row_number() over (
        partition by invoice, upper(stock_code)
        order by sold_at, quantity, price, stock_code, description) as event_id,
    min(sold_at) over (partition by invoice, customer) as at,
    cast(customer as string) as customer_id,
    invoice as order_id,
    quantity,
    cast(round(quantity * price * 100) as bigint) as amount,
    upper(stock_code) as product_id,
    'web' as channel
from lines
where what = 'product'
order by "at", event_id
