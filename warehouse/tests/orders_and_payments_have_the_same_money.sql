-- What the payments of a customer moved is what the customer's orders show.
with orders as (
    select
        customer_id,
        sum(captured_cents) as captured_cents,
        sum(refunded_cents) as refunded_cents,
        sum(charged_back_cents) as charged_back_cents,
        sum(net_cents) as net_cents
    from {{ ref('fct_orders') }}
    where captured_cents + refunded_cents + charged_back_cents > 0
    group by customer_id
),

payments as (
    select
        customer_id,
        sum(captured_cents) as captured_cents,
        sum(refunded_cents) as refunded_cents,
        sum(charged_back_cents) as charged_back_cents,
        sum(net_cents) as net_cents
    from {{ ref('fct_payments') }}
    where captured_cents + refunded_cents + charged_back_cents > 0
    group by customer_id
)

(from orders except from payments)
union all
(from payments except from orders)
