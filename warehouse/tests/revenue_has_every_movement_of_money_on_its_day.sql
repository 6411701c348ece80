-- Over all currencies, the revenue of a day is the amounts of the day's events.
with revenue as (
    select
        revenue_on,
        sum(captured_cents) as captured_cents,
        sum(refunded_cents) as refunded_cents,
        sum(charged_back_cents) as charged_back_cents
    from {{ ref('revenue_daily') }}
    group by revenue_on
),

events as (
    select
        occurred_at::date as revenue_on,
        coalesce(sum(amount_cents) filter (event_type = 'payment_captured'), 0) as captured_cents,
        coalesce(sum(amount_cents) filter (event_type = 'payment_refunded'), 0) as refunded_cents,
        coalesce(sum(amount_cents) filter (event_type = 'payment_charged_back'), 0) as charged_back_cents
    from {{ ref('stg_orders') }}
    where event_type in ('payment_captured', 'payment_refunded', 'payment_charged_back')
    group by occurred_at::date
)

(from revenue except from events)
union all
(from events except from revenue)
