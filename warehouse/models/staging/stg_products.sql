{{ config(key=['event_id'], touched={'bronze.products': 'select event_id from changes'}) }}

with events as (
    select
        event_id,
        type as event_type,
        epoch_ms(occurred_at_ms) as occurred_at,
        product_id,
        name,
        category,
        price_cents,
        currency,
        model_id,
        variant,
        kafka_partition,
        kafka_offset
    from {{ source('bronze', 'products') }}
)
{{ shoplake.each_event_once() }}
