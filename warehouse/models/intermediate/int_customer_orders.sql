{{ config(
    key=['customer_id', 'currency'],
    touched={'fct_orders': 'select customer_id, currency from changes where currency is not null'},
) }}

select
    customer_id,
    currency,
    count(*) as orders,
    count(*) filter (cancelled_at is not null) as cancelled_orders,
    min(placed_at) as first_placed_at,
    max(placed_at) as last_placed_at,
    sum(captured_cents)::bigint as captured_cents,
    sum(refunded_cents)::bigint as refunded_cents,
    sum(charged_back_cents)::bigint as charged_back_cents,
    sum(net_cents)::bigint as net_cents
from {{ ref('fct_orders') }}
where placed_at is not null and {{ shoplake.touched('customer_id', 'currency') }}
group by customer_id, currency
