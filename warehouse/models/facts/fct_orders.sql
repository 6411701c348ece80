{{ config(
    key=['order_id', 'customer_id'],
    touched={
        'stg_orders': 'select order_id, customer_id from changes',
        'dim_customers': 'select order_id, customer_id from target where customer_id in (select customer_id from changes)',
    },
) }}

with events as (
    select *, (kafka_partition, kafka_offset) as place
    from {{ ref('stg_orders') }}
    where {{ shoplake.touched('order_id', 'customer_id') }}
),

orders as (
    select
        order_id,
        customer_id,
        arg_max(session_id, place) filter (event_type = 'order_placed') as session_id,
        arg_max(currency, place) filter (event_type = 'order_placed') as currency,
        arg_max(case event_type
            when 'order_placed' then 'placed'
            when 'payment_authorised' then 'authorised'
            when 'payment_captured' then 'paid'
            when 'order_shipped' then 'shipped'
            when 'order_delivered' then 'delivered'
            when 'order_returned' then 'returned'
            when 'payment_refunded' then 'refunded'
            when 'payment_charged_back' then 'charged_back'
            when 'order_cancelled' then 'cancelled'
        end, place) as status,
        arg_max(occurred_at, place) filter (event_type = 'order_placed') as placed_at,
        arg_max(occurred_at, place) filter (event_type = 'order_cancelled') as cancelled_at,
        arg_max(reason, place) filter (event_type = 'order_cancelled') as cancel_reason,
        arg_max(lines, place) filter (event_type = 'order_placed') as lines,
        arg_max(subtotal_cents, place) filter (event_type = 'order_placed') as subtotal_cents,
        arg_max(discount_cents, place) filter (event_type = 'order_placed') as discount_cents,
        arg_max(shipping_cents, place) filter (event_type = 'order_placed') as shipping_cents,
        arg_max(tax_cents, place) filter (event_type = 'order_placed') as tax_cents,
        arg_max(total_cents, place) filter (event_type = 'order_placed') as total_cents,
        coalesce(sum(amount_cents) filter (event_type = 'payment_captured'), 0)::bigint as captured_cents,
        coalesce(sum(amount_cents) filter (event_type = 'payment_refunded'), 0)::bigint as refunded_cents,
        coalesce(sum(amount_cents) filter (event_type = 'payment_charged_back'), 0)::bigint as charged_back_cents,
        arg_max(occurred_at, place) as updated_at
    from events
    group by order_id, customer_id
)

select
    orders.order_id,
    orders.customer_id,
    orders.session_id,
    orders.currency,
    orders.status,
    orders.placed_at,
    orders.placed_at::date as placed_on,
    orders.cancelled_at,
    orders.cancel_reason,
    coalesce(len(orders.lines), 0)::bigint as lines,
    coalesce(list_sum(list_transform(orders.lines, lambda line: line.quantity)), 0)::bigint as units,
    orders.subtotal_cents,
    orders.discount_cents,
    orders.shipping_cents,
    orders.tax_cents,
    orders.total_cents,
    orders.captured_cents,
    orders.refunded_cents,
    orders.charged_back_cents,
    orders.captured_cents - orders.refunded_cents - orders.charged_back_cents as net_cents,
    customers.country,
    customers.segment,
    orders.updated_at
from orders
left join {{ ref('dim_customers') }} as customers
    on
        orders.customer_id = customers.customer_id
        and orders.placed_at >= customers.valid_from
        and orders.placed_at < coalesce(customers.valid_to, 'infinity'::timestamp)
