{{ config(
    key=['order_id', 'customer_id', 'line_no'],
    built_by=['order_id', 'customer_id'],
    touched={'stg_orders': "select order_id, customer_id from changes where event_type = 'order_placed'"},
) }}

with orders as (
    select *
    from {{ ref('stg_orders') }}
    where event_type = 'order_placed' and {{ shoplake.touched('order_id', 'customer_id') }}
    qualify row_number() over (
        partition by order_id, customer_id order by kafka_partition desc, kafka_offset desc
    ) = 1
),

items as (
    select
        order_id,
        customer_id,
        currency,
        occurred_at,
        unnest(lines) as line,
        generate_subscripts(lines, 1) as line_no
    from orders
)

select
    order_id,
    customer_id,
    line_no,
    line.product_id as product_id,
    line.quantity as quantity,
    line.unit_price_cents as unit_price_cents,
    line.quantity * line.unit_price_cents as amount_cents,
    currency,
    occurred_at::date as placed_on
from items
