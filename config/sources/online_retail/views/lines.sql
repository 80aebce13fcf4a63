-- Both years as one list of 1,044,847 lines. The lines of 2010-12-01 to 12-09 are in both files, identical;
-- the first file's are dropped.
with lines as (
    select Invoice as invoice, StockCode as stock_code, Description as description, Quantity as quantity,
        InvoiceDate as sold_at, Price as price, "Customer ID" as customer, Country as country
    from lines_of_2009
    where InvoiceDate < timestamp '2010-12-01'
    union all
    select InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country
    from lines_of_2010
)
-- What a line is. Product codes start with five digits or name a product by letters (PADS, SP1002, DCGS...,
-- gift_...); the codes below are no products. Invoices that start with A write off bad debt.
select *, case
    when left(invoice, 1) = 'A' then 'bad debt'
    when customer is null then 'lines without a customer'
    when upper(stock_code) in ('POST', 'DOT', 'C2', 'C3') then 'postage and carriage'
    when upper(stock_code) = 'M' then 'manual entries'
    when upper(stock_code) = 'D' then 'discounts on whole invoices'
    when upper(stock_code) in ('ADJUST', 'ADJUST2', 'B') then 'adjustments'
    when upper(stock_code) in ('BANK CHARGES', 'AMAZONFEE', 'CRUK') then 'fees and commissions'
    when upper(stock_code) in ('S', 'GIFT', 'TEST001', 'TEST002') then 'samples and tests'
    else 'product' end as what
from lines
