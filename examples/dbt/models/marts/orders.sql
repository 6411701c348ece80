with placed as (
    select *
    from {{ ref('stg_orders') }}
    where event_type = 'order_placed'
    qualify row_number() over (partition by customer_id, order_id order by occurred_at, event_id) = 1
),

cancelled as (
    select customer_id, order_id, min(reason) as reason
    from {{ ref('stg_orders') }}
    where event_type = 'order_cancelled'
    group by customer_id, order_id
)

select
    placed.order_id,
    placed.customer_id,
    placed.occurred_at as placed_at,
    case when cancelled.order_id is null then 'placed' else 'cancelled' end as status,
    cancelled.reason as cancel_reason,
    placed.currency,
    placed.total_cents
from placed
left join cancelled on placed.customer_id = cancelled.customer_id and placed.order_id = cancelled.order_id
