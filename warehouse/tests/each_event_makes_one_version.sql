-- A customer and a product have as many versions as events.
with versions as (
    select 'dim_customers' as dimension, customer_id as entity, count(*) as version_count from {{ ref('dim_customers') }} group by customer_id
    union all
    select 'dim_products' as dimension, product_id as entity, count(*) as version_count from {{ ref('dim_products') }} group by product_id
),

events as (
    select 'dim_customers' as dimension, customer_id as entity, count(*) as version_count from {{ ref('stg_customers') }} group by customer_id
    union all
    select 'dim_products' as dimension, product_id as entity, count(*) as version_count from {{ ref('stg_products') }} group by product_id
)

(from versions except from events)
union all
(from events except from versions)
