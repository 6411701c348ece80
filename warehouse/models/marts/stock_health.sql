{{ config(
    key=['product_id', 'warehouse_id'],
    touched={'fct_inventory_daily': 'select product_id, warehouse_id from changes'},
) }}

select
    product_id,
    warehouse_id,
    arg_max(on_hand, moved_on) as on_hand,
    arg_max(reserved_units, moved_on) as reserved_units,
    arg_max(on_hand - reserved_units, moved_on) as available,
    sum(shipped)::bigint as shipped_total,
    count(*) filter (on_hand <= 0) as stock_out_days,
    min(moved_on) as first_moved_on,
    max(moved_on) as last_moved_on
from {{ ref('fct_inventory_daily') }}
where {{ shoplake.touched('product_id', 'warehouse_id') }}
group by product_id, warehouse_id
