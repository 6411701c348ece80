-- What the live board should show: one row per number that is not 0 (a 0 may be present or absent).

CREATE OR REPLACE TABLE expected.redis_board AS
WITH numbers AS (
    SELECT
        'shoplake:revenue:' || strftime(utc(occurred_at_ms), '%Y-%m-%d') || coalesce(':' || currency, '') AS key,
        strftime(utc(occurred_at_ms), '%H:%M') AS field,
        CASE type WHEN 'payment_captured' THEN amount_cents ELSE -amount_cents END AS value
    FROM ev_orders
    WHERE type IN ('payment_captured', 'payment_refunded', 'payment_charged_back')
    UNION ALL
    SELECT 'shoplake:top_products', product_id, quantity
    FROM order_lines
    UNION ALL
    SELECT 'shoplake:funnel:' || strftime(utc(occurred_at_ms), '%Y-%m-%d'), type, 1
    FROM ev_clicks
    WHERE type IN (
        'session_started', 'product_viewed', 'cart_item_added', 'checkout_started', 'checkout_completed'
    )
    UNION ALL
    -- on hand minus reserved: a shipment takes the same from both.
    SELECT
        'shoplake:stock',
        product_id,
        CASE type
            WHEN 'stock_received' THEN quantity
            WHEN 'stock_returned' THEN quantity
            WHEN 'stock_released' THEN quantity
            WHEN 'stock_reserved' THEN -quantity
            ELSE 0
        END
    FROM ev_inventory
)

SELECT key, field, sum(value)::BIGINT AS value
FROM numbers
GROUP BY key, field
HAVING sum(value) <> 0;
