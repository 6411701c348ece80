{{ config(key=['event_id'], touched={'bronze.orders': 'select event_id from changes'}) }}

with events as (
    select
        event_id,
        type as event_type,
        epoch_ms(occurred_at_ms) as occurred_at,
        order_id,
        customer_id,
        session_id,
        currency,
        lines,
        subtotal_cents,
        discount_cents,
        shipping_cents,
        tax_cents,
        total_cents,
        payment_id,
        amount_cents,
        method,
        shipment_id,
        carrier,
        reason,
        kafka_partition,
        kafka_offset
    from {{ source('bronze', 'orders') }}
)
{{ shoplake.each_event_once() }}
