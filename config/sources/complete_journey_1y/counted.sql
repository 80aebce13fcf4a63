-- Receipt lines left out of transactions on purpose.
select 'lines without a piece' as what, count(*) as rows from receipt_lines where quantity = 0
