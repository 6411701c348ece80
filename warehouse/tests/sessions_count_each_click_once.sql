-- The counts of a session are those of its events.
with sessions as (
    select session_id, page_views + searches + product_views + cart_adds + cart_removals as clicks
    from {{ ref('fct_sessions') }}
),

events as (
    select
        session_id,
        count(*) filter (
            event_type in ('page_viewed', 'search_performed', 'product_viewed', 'cart_item_added', 'cart_item_removed')
        ) as clicks
    from {{ ref('stg_clicks') }}
    group by session_id
)

(from sessions except from events)
union all
(from events except from sessions)
