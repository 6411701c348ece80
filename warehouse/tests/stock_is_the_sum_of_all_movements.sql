-- The stock on the last day is what all movements leave.
with stock as (
    select product_id, warehouse_id, on_hand, reserved_units, shipped_total
    from {{ ref('stock_health') }}
),

movements as (
    select
        product_id,
        warehouse_id,
        sum(case event_type
            when 'stock_received' then quantity
            when 'stock_returned' then quantity
            when 'stock_shipped' then -quantity
            else 0
        end) as on_hand,
        sum(case event_type
            when 'stock_reserved' then quantity
            when 'stock_released' then -quantity
            when 'stock_shipped' then -quantity
            else 0
        end) as reserved_units,
        sum(case event_type when 'stock_shipped' then quantity else 0 end) as shipped_total
    from {{ ref('stg_inventory') }}
    group by product_id, warehouse_id
)

(from stock except from movements)
union all
(from movements except from stock)
