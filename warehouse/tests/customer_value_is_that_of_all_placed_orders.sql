-- Over all customers, the value in a currency is that of the placed orders in this currency.
with customers as (
    select currency, sum(orders) as orders, sum(cancelled_orders) as cancelled_orders, sum(net_cents) as net_cents
    from {{ ref('customer_value') }}
    group by currency
),

orders as (
    select currency, count(*) as orders, count(cancelled_at) as cancelled_orders, sum(net_cents) as net_cents
    from {{ ref('fct_orders') }}
    where placed_at is not null
    group by currency
)

(from customers except from orders)
union all
(from orders except from customers)
