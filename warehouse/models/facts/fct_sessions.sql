{{ config(
    key=['session_id'],
    touched={'stg_clicks': 'select session_id from changes'},
) }}

with events as (
    select
        *,
        (kafka_partition, kafka_offset) as place,
        max((kafka_partition, kafka_offset)) filter (event_type = 'cart_item_removed') over (
            partition by session_id, product_id
        ) as removed_at_place
    from {{ ref('stg_clicks') }}
    where {{ shoplake.touched('session_id') }}
),

sessions as (
    select
        session_id,
        arg_max(customer_id, place) filter (event_type = 'session_started') as customer_id,
        arg_max(device, place) filter (event_type = 'session_started') as device,
        arg_max(referrer, place) filter (event_type = 'session_started') as referrer,
        arg_max(campaign, place) filter (event_type = 'session_started') as campaign,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        count(*) filter (event_type = 'page_viewed') as page_views,
        count(*) filter (event_type = 'search_performed') as searches,
        count(*) filter (event_type = 'product_viewed') as product_views,
        count(*) filter (event_type = 'cart_item_added') as cart_adds,
        count(*) filter (event_type = 'cart_item_removed') as cart_removals,
        coalesce(sum(quantity) filter (
            event_type = 'cart_item_added' and (removed_at_place is null or place > removed_at_place)
        ), 0)::bigint as cart_units,
        coalesce(sum(quantity * unit_price_cents) filter (
            event_type = 'cart_item_added' and (removed_at_place is null or place > removed_at_place)
        ), 0)::bigint as cart_value_cents,
        max(case event_type
            when 'checkout_completed' then 4
            when 'checkout_started' then 3
            when 'cart_item_added' then 2
            when 'product_viewed' then 1
            else 0
        end) as step,
        arg_max(order_id, place) filter (event_type = 'checkout_completed') as order_id
    from events
    group by session_id
)

select
    session_id,
    customer_id,
    device,
    referrer,
    campaign,
    started_at,
    ended_at,
    started_at::date as started_on,
    page_views,
    searches,
    product_views,
    cart_adds,
    cart_removals,
    cart_units,
    cart_value_cents,
    case step when 4 then 'ordered' when 3 then 'checkout' when 2 then 'carted' when 1 then 'viewed' else 'visited' end as step,
    order_id
from sessions
