{{ config(
    key=['product_id', 'version'],
    built_by=['product_id'],
    touched={'stg_products': 'select product_id from changes'},
) }}

with events as (
    select * from {{ ref('stg_products') }} where {{ shoplake.touched('product_id') }}
)

select
    product_id,
    row_number() over history as version,
    last_value(name ignore nulls) over history as name,
    last_value(category ignore nulls) over history as category,
    last_value(price_cents ignore nulls) over history as price_cents,
    last_value(currency ignore nulls) over history as currency,
    last_value(model_id ignore nulls) over history as model_id,
    last_value(variant ignore nulls) over history as variant,
    last_value(case event_type
        when 'product_launched' then 'on_sale'
        when 'product_discontinued' then 'discontinued'
    end ignore nulls) over history as status,
    occurred_at as valid_from,
    lead(occurred_at) over history as valid_to,
    lead(event_id) over history is null as is_current
from events
window history as (
    partition by product_id order by occurred_at, kafka_offset
    rows between unbounded preceding and current row
)
