{{ config(
    key=['product_id'],
    touched={
        'dim_products': 'select product_id from changes',
        'stg_clicks': "
            select product_id from changes where event_type in ('product_viewed', 'cart_item_added')
        ",
        'fct_order_items': 'select product_id from changes',
        'fct_inventory_daily': 'select product_id from changes where returned > 0',
        'fct_reviews': 'select product_id from changes',
    },
) }}

with clicks as (
    select
        product_id,
        count(*) filter (event_type = 'product_viewed') as views,
        count(*) filter (event_type = 'cart_item_added') as cart_adds
    from {{ ref('stg_clicks') }}
    where event_type in ('product_viewed', 'cart_item_added') and {{ shoplake.touched('product_id') }}
    group by product_id
),

orders as (
    select
        product_id,
        count(distinct (order_id, customer_id)) as orders,
        sum(quantity)::bigint as units_ordered
    from {{ ref('fct_order_items') }}
    where {{ shoplake.touched('product_id') }}
    group by product_id
),

stock as (
    select product_id, sum(returned)::bigint as units_returned
    from {{ ref('fct_inventory_daily') }}
    where returned > 0 and {{ shoplake.touched('product_id') }}
    group by product_id
),

reviews as (
    select
        product_id,
        count(*) filter (is_visible) as reviews,
        coalesce(sum(rating) filter (is_visible), 0)::bigint as rating_sum
    from {{ ref('fct_reviews') }}
    where {{ shoplake.touched('product_id') }}
    group by product_id
),

products as (
    select product_id, name, category
    from {{ ref('dim_products') }}
    where is_current and {{ shoplake.touched('product_id') }}
)

select
    product_id,
    name,
    category,
    coalesce(views, 0)::bigint as views,
    coalesce(cart_adds, 0)::bigint as cart_adds,
    coalesce(orders, 0)::bigint as orders,
    coalesce(units_ordered, 0)::bigint as units_ordered,
    coalesce(units_returned, 0)::bigint as units_returned,
    coalesce(reviews, 0)::bigint as reviews,
    coalesce(rating_sum, 0)::bigint as rating_sum
from products
full join clicks using (product_id)
full join orders using (product_id)
full join stock using (product_id)
full join reviews using (product_id)
