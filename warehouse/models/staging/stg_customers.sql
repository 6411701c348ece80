{{ config(key=['event_id'], touched={'bronze.customers': 'select event_id from changes'}) }}

with events as (
    select
        event_id,
        type as event_type,
        epoch_ms(occurred_at_ms) as occurred_at,
        customer_id,
        name,
        email,
        segment,
        street,
        postcode,
        city,
        country,
        currency,
        marketing_opt_in,
        reason,
        kafka_partition,
        kafka_offset
    from {{ source('bronze', 'customers') }}
)
{{ shoplake.each_event_once() }}
