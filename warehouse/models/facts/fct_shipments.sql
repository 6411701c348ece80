{{ config(
    key=['shipment_id', 'customer_id'],
    touched={
        'stg_orders': 'select shipment_id, customer_id from changes where shipment_id is not null',
    },
) }}

with events as (
    select *, (kafka_partition, kafka_offset) as place
    from {{ ref('stg_orders') }}
    where
        event_type in ('order_shipped', 'order_delivered', 'order_returned')
        and {{ shoplake.touched('shipment_id', 'customer_id') }}
),

shipments as (
    select
        shipment_id,
        customer_id,
        arg_max(order_id, place) as order_id,
        arg_max(carrier, place) as carrier,
        arg_max(replace(event_type, 'order_', ''), place) as status,
        arg_max(occurred_at, place) filter (event_type = 'order_shipped') as shipped_at,
        arg_max(occurred_at, place) filter (event_type = 'order_delivered') as delivered_at,
        arg_max(occurred_at, place) filter (event_type = 'order_returned') as returned_at,
        arg_max(reason, place) filter (event_type = 'order_returned') as return_reason,
        arg_max(occurred_at, place) as updated_at
    from events
    group by shipment_id, customer_id
)

select
    shipment_id,
    customer_id,
    order_id,
    carrier,
    status,
    shipped_at,
    delivered_at,
    returned_at,
    return_reason,
    floor((epoch_ms(delivered_at) - epoch_ms(shipped_at)) / 1000)::bigint as delivery_seconds,
    updated_at
from shipments
