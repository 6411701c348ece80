-- The funnel of a day has all sessions that began on it, each once.
with funnel as (
    select started_on, sum(sessions) as sessions, sum(ordered) as ordered
    from {{ ref('funnel_daily') }}
    group by started_on
),

sessions as (
    select started_on, count(*) as sessions, count(order_id) as ordered
    from {{ ref('fct_sessions') }}
    group by started_on
)

(from funnel except from sessions)
union all
(from sessions except from funnel)
