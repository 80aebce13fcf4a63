-- * The time in the data is UTC.
-- * `sales_value` is what the retailer takes in; the customer paid the manufacturer's coupon less.
-- * Everything taken off the regular price is the discount: card, coupon, and the retailer's match of it.
-- * Fuel counts its volume as quantity (up to 32,623): a fill is one piece.
-- * 577 lines without a piece (coupons booked on their own) are left out and counted.
-- * On 42 lines the coupon is worth more than the product. They are delivered as they are, and the check
--   refuses them: a sale has no negative price.
-- * One basket's number came as 4.0128e+10; it has one line and stays.
select
    basket_id || '-' || product_id as event_id,
    transaction_timestamp at time zone 'UTC' as at,
    household_id as customer_id,
    basket_id as order_id,
    case when starts_with(product_type, 'GASOLINE') then 1 else cast(quantity as bigint) end as quantity,
    cast(round((sales_value - coupon_disc) * 100) as bigint) as amount,
    product_id,
    cast(round((retail_disc + coupon_disc + coupon_match_disc) * 100) as bigint) as discount,
    'store' as channel,
    store_id
from receipt_lines left join catalogue using (product_id)
where quantity > 0
order by "at", event_id
