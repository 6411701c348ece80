-- A customer with a placed order is in one cohort, and counts in each month with a placed order.
with cohorts as (
    select
        sum(cohort_customers) filter (month_number = 0) as cohort_customers,
        sum(customers) as customer_months
    from {{ ref('cohort_retention') }}
),

orders as (
    select
        count(distinct customer_id) as cohort_customers,
        count(distinct (customer_id, date_trunc('month', placed_on))) as customer_months
    from {{ ref('fct_orders') }}
    where placed_on is not null
)

select cohorts.*, orders.*
from cohorts
cross join orders
where
    coalesce(cohorts.cohort_customers, 0) != orders.cohort_customers
    or coalesce(cohorts.customer_months, 0) != orders.customer_months
