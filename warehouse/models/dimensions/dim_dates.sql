{#- An event before the first day or after the last one adds days. So each build makes all of them: they are few. -#}
{% set every_day = "
    select unnest(generate_series(
        date_trunc('month', least(min(occurred_at)::date, (select min(date_day) from target))),
        last_day(greatest(max(occurred_at)::date, (select max(date_day) from target))),
        interval 1 day
    ))::date as date_day
    from changes
" %}
{{ config(
    key=['date_day'],
    touched={
        'stg_clicks': every_day,
        'stg_customers': every_day,
        'stg_inventory': every_day,
        'stg_orders': every_day,
        'stg_products': every_day,
        'stg_reviews': every_day,
    },
) }}

with events as (
    select min(occurred_at) as first_at, max(occurred_at) as last_at from {{ ref('stg_clicks') }}
    union all
    select min(occurred_at) as first_at, max(occurred_at) as last_at from {{ ref('stg_customers') }}
    union all
    select min(occurred_at) as first_at, max(occurred_at) as last_at from {{ ref('stg_inventory') }}
    union all
    select min(occurred_at) as first_at, max(occurred_at) as last_at from {{ ref('stg_orders') }}
    union all
    select min(occurred_at) as first_at, max(occurred_at) as last_at from {{ ref('stg_products') }}
    union all
    select min(occurred_at) as first_at, max(occurred_at) as last_at from {{ ref('stg_reviews') }}
),

days as (
    select
        unnest(generate_series(
            date_trunc('month', min(first_at)), last_day(max(last_at))::timestamp, interval 1 day
        ))::date as date_day
    from events
),

years as (
    select distinct year(date_day) as year from days
),

{{ shoplake.public_holidays() }},

holidays_by_day as (
    select holiday_on, string_agg(country, ', ' order by country) as holiday_in
    from holidays
    group by holiday_on
)

select
    days.date_day,
    year(days.date_day) as year,
    quarter(days.date_day) as quarter,
    month(days.date_day) as month,
    date_trunc('month', days.date_day)::date as month_start,
    isoyear(days.date_day) as iso_year,
    week(days.date_day) as iso_week,
    isodow(days.date_day) as weekday,
    isodow(days.date_day) >= 6 as is_weekend,
    holidays_by_day.holiday_in
from days
left join holidays_by_day on days.date_day = holidays_by_day.holiday_on
where {{ shoplake.touched('days.date_day') }}
