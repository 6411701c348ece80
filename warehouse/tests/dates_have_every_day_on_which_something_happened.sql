{#- The calendar has no gap, and each day of a fact or mart is in it. -#}
with days as (
    select placed_on as day from {{ ref('fct_orders') }}
    union
    select started_on as day from {{ ref('fct_sessions') }}
    union
    select moved_on as day from {{ ref('fct_inventory_daily') }}
    union
    select revenue_on as day from {{ ref('revenue_daily') }}
    union
    select shipped_on as day from {{ ref('delivery_performance') }}
    union
    select cohort_month as day from {{ ref('cohort_retention') }}
    union
    select valid_from::date as day from {{ ref('dim_customers') }}
    union
    select valid_from::date as day from {{ ref('dim_products') }}
    union
    select date_day - 1 as day from {{ ref('dim_dates') }} where date_day > (select min(date_day) from {{ ref('dim_dates') }})
)

select day
from days
where day is not null and day not in (select date_day from {{ ref('dim_dates') }})
