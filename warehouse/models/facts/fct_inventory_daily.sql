{{ config(
    key=['product_id', 'warehouse_id', 'moved_on'],
    built_by=['product_id', 'warehouse_id'],
    touched={'stg_inventory': 'select product_id, warehouse_id from changes'},
) }}

with days as (
    select
        product_id,
        warehouse_id,
        occurred_at::date as moved_on,
        coalesce(sum(quantity) filter (event_type = 'stock_received'), 0)::bigint as received,
        coalesce(sum(quantity) filter (event_type = 'stock_reserved'), 0)::bigint as reserved,
        coalesce(sum(quantity) filter (event_type = 'stock_released'), 0)::bigint as released,
        coalesce(sum(quantity) filter (event_type = 'stock_shipped'), 0)::bigint as shipped,
        coalesce(sum(quantity) filter (event_type = 'stock_returned'), 0)::bigint as returned
    from {{ ref('stg_inventory') }}
    where {{ shoplake.touched('product_id', 'warehouse_id') }}
    group by product_id, warehouse_id, occurred_at::date
)

select
    product_id,
    warehouse_id,
    moved_on,
    received,
    reserved,
    released,
    shipped,
    returned,
    (sum(received + returned - shipped) over until_then)::bigint as on_hand,
    (sum(reserved - released - shipped) over until_then)::bigint as reserved_units
from days
window until_then as (
    partition by product_id, warehouse_id order by moved_on
    rows between unbounded preceding and current row
)
