-- Over all products, each figure is that of the rows it counts.
with products as (
    select
        coalesce(sum(views), 0) as views,
        coalesce(sum(cart_adds), 0) as cart_adds,
        coalesce(sum(units_ordered), 0) as units_ordered,
        coalesce(sum(orders), 0) as orders,
        coalesce(sum(units_returned), 0) as units_returned,
        coalesce(sum(reviews), 0) as reviews,
        coalesce(sum(rating_sum), 0) as rating_sum
    from {{ ref('product_performance') }}
),

clicks as (
    select
        count(*) filter (event_type = 'product_viewed') as views,
        count(*) filter (event_type = 'cart_item_added') as cart_adds
    from {{ ref('stg_clicks') }}
),

items as (
    select coalesce(sum(quantity), 0) as units_ordered, count(distinct (order_id, customer_id, product_id)) as orders
    from {{ ref('fct_order_items') }}
),

stock as (
    select coalesce(sum(quantity), 0) as units_returned
    from {{ ref('stg_inventory') }}
    where event_type = 'stock_returned'
),

reviews as (
    select count(*) as reviews, coalesce(sum(rating), 0) as rating_sum
    from {{ ref('fct_reviews') }}
    where is_visible
)

from products
except
select clicks.views, clicks.cart_adds, items.units_ordered, items.orders, stock.units_returned, reviews.reviews, reviews.rating_sum
from clicks
cross join items
cross join stock
cross join reviews
