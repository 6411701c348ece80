{{ config(key=['event_id'], touched={'bronze.inventory': 'select event_id from changes'}) }}

with events as (
    select
        event_id,
        type as event_type,
        epoch_ms(occurred_at_ms) as occurred_at,
        product_id,
        warehouse_id,
        order_id,
        quantity,
        kafka_partition,
        kafka_offset
    from {{ source('bronze', 'inventory') }}
)
{{ shoplake.each_event_once() }}
