-- The lines of an order are those of which the order speaks, and its amounts add up as the contract says. A producer that gets its own sums wrong
-- fails this test: its events are valid one by one, but the shop would show wrong totals.
with items as (
    select order_id, customer_id, count(*) as lines, sum(quantity) as units, sum(amount_cents) as subtotal_cents
    from {{ ref('fct_order_items') }}
    group by order_id, customer_id
)

select
    orders.order_id,
    orders.customer_id,
    orders.lines,
    orders.units,
    orders.subtotal_cents,
    orders.total_cents,
    items.lines as item_lines,
    items.units as item_units,
    items.subtotal_cents as item_subtotal_cents
from {{ ref('fct_orders') }} as orders
left join items on orders.order_id = items.order_id and orders.customer_id = items.customer_id
where
    orders.placed_at is not null
    and (
        orders.lines is distinct from items.lines
        or orders.units is distinct from items.units
        or orders.subtotal_cents is distinct from items.subtotal_cents
        or orders.total_cents != orders.subtotal_cents - orders.discount_cents + orders.shipping_cents + orders.tax_cents
    )
