select
    placed_at::date as day,
    currency,
    count(*) as orders,
    count(*) filter (status = 'cancelled') as cancelled_orders,
    sum(total_cents)::bigint as placed_cents
from {{ ref('orders') }}
group by all
