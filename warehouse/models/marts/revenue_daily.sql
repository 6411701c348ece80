{#-
    A payment changes the days of its earlier events if its currency is another, or if it is new: `--select` may have built
    this model from the events before their payments. An update has two rows in the changes, the old and the new; a payment
    that is new has one row more, so an odd number.
-#}
{{ config(
    key=['revenue_on', 'currency'],
    built_by=['revenue_on'],
    touched={
        'stg_orders': "
            select occurred_at::date as revenue_on from changes
            where event_type in ('payment_captured', 'payment_refunded', 'payment_charged_back')
        ",
        'fct_payments': "
            select occurred_at::date as revenue_on from silver.stg_orders
            where (payment_id, customer_id) in (
                select (payment_id, customer_id) from changes
                group by payment_id, customer_id
                having count(*) % 2 = 1 or count(distinct coalesce(currency, '')) > 1
            )
        ",
    },
) }}

with movements as (
    select
        events.occurred_at::date as revenue_on,
        coalesce(payments.currency, 'XXX') as currency,
        events.event_type,
        events.payment_id,
        events.customer_id,
        events.amount_cents
    from {{ ref('stg_orders') }} as events
    inner join {{ ref('fct_payments') }} as payments
        on events.payment_id = payments.payment_id and events.customer_id = payments.customer_id
    where
        events.event_type in ('payment_captured', 'payment_refunded', 'payment_charged_back')
        and {{ shoplake.touched('events.occurred_at::date') }}
),

days as (
    select
        revenue_on,
        currency,
        coalesce(sum(amount_cents) filter (event_type = 'payment_captured'), 0)::bigint as captured_cents,
        coalesce(sum(amount_cents) filter (event_type = 'payment_refunded'), 0)::bigint as refunded_cents,
        coalesce(sum(amount_cents) filter (event_type = 'payment_charged_back'), 0)::bigint as charged_back_cents,
        count(distinct (payment_id, customer_id)) filter (event_type = 'payment_captured') as payments
    from movements
    group by revenue_on, currency
),

{{ shoplake.exchange_rates() }},

in_euros as (
    select
        days.*,
        {{ shoplake.euro_cents('days.captured_cents') }} as captured_eur_cents,
        {{ shoplake.euro_cents('days.refunded_cents') }} as refunded_eur_cents,
        {{ shoplake.euro_cents('days.charged_back_cents') }} as charged_back_eur_cents
    from days
    left join exchange_rates on days.currency = exchange_rates.currency
)

select
    revenue_on,
    currency,
    captured_cents,
    refunded_cents,
    charged_back_cents,
    captured_cents - refunded_cents - charged_back_cents as net_cents,
    payments,
    captured_eur_cents,
    refunded_eur_cents,
    charged_back_eur_cents,
    captured_eur_cents - refunded_eur_cents - charged_back_eur_cents as net_eur_cents
from in_euros
