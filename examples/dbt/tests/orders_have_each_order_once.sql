-- A row for each order that is there twice.
select customer_id, order_id
from {{ ref('orders') }}
group by customer_id, order_id
having count(*) > 1
