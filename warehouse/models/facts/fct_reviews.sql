{{ config(
    key=['review_id', 'product_id'],
    touched={'stg_reviews': 'select review_id, product_id from changes'},
) }}

with events as (
    select *, (kafka_partition, kafka_offset) as place
    from {{ ref('stg_reviews') }}
    where {{ shoplake.touched('review_id', 'product_id') }}
),

reviews as (
    select
        review_id,
        product_id,
        arg_max(customer_id, place) as customer_id,
        arg_max(order_id, place) as order_id,
        arg_max(rating, place) filter (event_type = 'review_submitted') as rating,
        arg_max(title, place) as title,
        arg_max(body, place) as body,
        arg_max(occurred_at, place) filter (event_type = 'review_submitted') as submitted_at,
        arg_max(occurred_at, place) filter (event_type = 'review_removed') as removed_at,
        arg_max(reason, place) filter (event_type = 'review_removed') as removal_reason
    from events
    group by review_id, product_id
)

select *, submitted_at is not null and removed_at is null as is_visible
from reviews
