{{ config(
    key=['cohort_month', 'month_number'],
    built_by=['cohort_month'],
    touched={'int_customer_months': 'select cohort_month from changes'},
) }}

select
    cohort_month,
    month_number,
    count(*) as customers,
    max(count(*)) over (partition by cohort_month) as cohort_customers
from {{ ref('int_customer_months') }}
where {{ shoplake.touched('cohort_month') }}
group by cohort_month, month_number
