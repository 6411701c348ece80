{{ config(
    key=['customer_id', 'month_number'],
    built_by=['customer_id'],
    touched={'fct_orders': 'select customer_id from changes'},
) }}

with months as (
    select distinct customer_id, date_trunc('month', placed_on)::date as placed_month
    from {{ ref('fct_orders') }}
    where placed_on is not null and {{ shoplake.touched('customer_id') }}
),

cohorts as (
    select customer_id, placed_month, min(placed_month) over (partition by customer_id) as cohort_month
    from months
)

select customer_id, datediff('month', cohort_month, placed_month) as month_number, cohort_month
from cohorts
