{{ config(
    key=['payment_id', 'customer_id'],
    touched={
        'stg_orders': "select payment_id, customer_id from changes where event_type like 'payment_%'",
    },
) }}

with events as (
    select *, (kafka_partition, kafka_offset) as place
    from {{ ref('stg_orders') }}
    where event_type like 'payment_%' and {{ shoplake.touched('payment_id', 'customer_id') }}
),

payments as (
    select
        payment_id,
        customer_id,
        arg_max(order_id, place) as order_id,
        arg_max(currency, place) as currency,
        arg_max(method, place) as method,
        arg_max(replace(event_type, 'payment_', ''), place) as status,
        arg_max(reason, place) filter (event_type = 'payment_declined') as decline_reason,
        arg_max(reason, place) filter (event_type = 'payment_charged_back') as chargeback_reason,
        arg_max(amount_cents, place) filter (event_type = 'payment_authorised') as authorised_cents,
        coalesce(sum(amount_cents) filter (event_type = 'payment_captured'), 0)::bigint as captured_cents,
        coalesce(sum(amount_cents) filter (event_type = 'payment_refunded'), 0)::bigint as refunded_cents,
        coalesce(sum(amount_cents) filter (event_type = 'payment_charged_back'), 0)::bigint as charged_back_cents,
        arg_max(occurred_at, place) filter (event_type = 'payment_authorised') as authorised_at,
        arg_max(occurred_at, place) filter (event_type = 'payment_captured') as captured_at,
        arg_max(occurred_at, place) filter (event_type = 'payment_refunded') as refunded_at,
        arg_max(occurred_at, place) filter (event_type = 'payment_charged_back') as charged_back_at,
        arg_max(occurred_at, place) as updated_at
    from events
    group by payment_id, customer_id
)

select
    payment_id,
    customer_id,
    order_id,
    currency,
    method,
    status,
    decline_reason,
    chargeback_reason,
    authorised_cents,
    captured_cents,
    refunded_cents,
    charged_back_cents,
    captured_cents - refunded_cents - charged_back_cents as net_cents,
    authorised_at,
    captured_at,
    refunded_at,
    charged_back_at,
    updated_at
from payments
