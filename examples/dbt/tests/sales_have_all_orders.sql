-- A row if the days do not add up to the orders in the events, and to their value.
with days as (
    select sum(orders) as orders, sum(placed_cents) as placed_cents
    from {{ ref('sales_by_day') }}
),

events as (
    select count(distinct (customer_id, order_id)) as orders
    from {{ ref('stg_orders') }}
    where event_type = 'order_placed'
),

orders as (
    select sum(total_cents) as placed_cents
    from {{ ref('orders') }}
)

select days.*, events.orders as expected_orders, orders.placed_cents as expected_cents
from days, events, orders
where days.orders is distinct from events.orders or days.placed_cents is distinct from orders.placed_cents
