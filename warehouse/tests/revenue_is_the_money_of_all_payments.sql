-- Over all days, the revenue in a currency is the money that the payments in this currency moved.
with revenue as (
    select
        currency,
        sum(captured_cents) as captured_cents,
        sum(refunded_cents) as refunded_cents,
        sum(charged_back_cents) as charged_back_cents,
        sum(net_cents) as net_cents
    from {{ ref('revenue_daily') }}
    group by currency
),

payments as (
    select
        coalesce(currency, 'XXX') as currency,
        sum(captured_cents) as captured_cents,
        sum(refunded_cents) as refunded_cents,
        sum(charged_back_cents) as charged_back_cents,
        sum(net_cents) as net_cents
    from {{ ref('fct_payments') }}
    where captured_at is not null or refunded_at is not null or charged_back_at is not null
    group by coalesce(currency, 'XXX')
)

(from revenue except from payments)
union all
(from payments except from revenue)
