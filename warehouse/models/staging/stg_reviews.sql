{{ config(key=['event_id'], touched={'bronze.reviews': 'select event_id from changes'}) }}

with events as (
    select
        event_id,
        type as event_type,
        epoch_ms(occurred_at_ms) as occurred_at,
        review_id,
        product_id,
        customer_id,
        order_id,
        rating,
        title,
        body,
        reason,
        kafka_partition,
        kafka_offset
    from {{ source('bronze', 'reviews') }}
)
{{ shoplake.each_event_once() }}
