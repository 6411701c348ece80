{{ config(key=['event_id'], touched={'bronze.clicks': 'select event_id from changes'}) }}

with events as (
    select
        event_id,
        type as event_type,
        epoch_ms(occurred_at_ms) as occurred_at,
        session_id,
        customer_id,
        device,
        referrer,
        campaign,
        page,
        query,
        results,
        product_id,
        quantity,
        unit_price_cents,
        currency,
        order_id,
        kafka_partition,
        kafka_offset
    from {{ source('bronze', 'clicks') }}
)
{{ shoplake.each_event_once() }}
