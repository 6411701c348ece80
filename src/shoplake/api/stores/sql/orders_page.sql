-- A page of orders by their key, and the positions of the same snapshot.

SELECT
    (SELECT json_agg(page.found ORDER BY page.order_id, page.customer_id)::text FROM (
        SELECT
            o.order_id,
            o.customer_id,
            CASE WHEN {{ details }} THEN json_build_object(
                'order_id', o.order_id,
                'customer_id', o.customer_id,
                'session_id', o.session_id,
                'currency', o.currency,
                'subtotal_cents', o.subtotal_cents,
                'discount_cents', o.discount_cents,
                'shipping_cents', o.shipping_cents,
                'tax_cents', o.tax_cents,
                'total_cents', o.total_cents,
                'status', o.status,
                'placed_at', to_char(o.placed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                'updated_at', to_char(o.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                'items', (
                    SELECT coalesce(json_agg(json_build_object(
                        'line_no', i.line_no,
                        'product_id', i.product_id,
                        'quantity', i.quantity,
                        'unit_price_cents', i.unit_price_cents
                    ) ORDER BY i.line_no), '[]')
                    FROM shop.order_items AS i
                    WHERE i.order_id = o.order_id AND i.customer_id = o.customer_id
                ),
                'payments', (
                    SELECT coalesce(json_agg(json_build_object(
                        'payment_id', p.payment_id,
                        'currency', p.currency,
                        'method', p.method,
                        'status', p.status,
                        'amount_cents', p.amount_cents,
                        'captured_cents', p.captured_cents,
                        'refunded_cents', p.refunded_cents,
                        'charged_back_cents', p.charged_back_cents,
                        'decline_reason', p.decline_reason,
                        'chargeback_reason', p.chargeback_reason,
                        'updated_at', to_char(p.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
                    ) ORDER BY p.payment_id), '[]')
                    FROM shop.payments AS p
                    WHERE p.order_id = o.order_id AND p.customer_id = o.customer_id
                ),
                'shipments', (
                    SELECT coalesce(json_agg(json_build_object(
                        'shipment_id', s.shipment_id,
                        'carrier', s.carrier,
                        'status', s.status,
                        'return_reason', s.return_reason,
                        'shipped_at', to_char(s.shipped_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                        'delivered_at', to_char(s.delivered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                        'returned_at', to_char(s.returned_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                        'updated_at', to_char(s.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
                    ) ORDER BY s.shipment_id), '[]')
                    FROM shop.shipments AS s
                    WHERE s.order_id = o.order_id AND s.customer_id = o.customer_id
                )
            ) ELSE json_build_object(
                'order_id', o.order_id,
                'customer_id', o.customer_id,
                'session_id', o.session_id,
                'currency', o.currency,
                'subtotal_cents', o.subtotal_cents,
                'discount_cents', o.discount_cents,
                'shipping_cents', o.shipping_cents,
                'tax_cents', o.tax_cents,
                'total_cents', o.total_cents,
                'status', o.status,
                'placed_at', to_char(o.placed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                'updated_at', to_char(o.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
            ) END AS found
        FROM (
            SELECT * FROM shop.orders AS o WHERE {{ where }} ORDER BY o.order_id, o.customer_id LIMIT {{ rows }}
        ) AS o
    ) AS page) AS found,
    (
        SELECT json_object_agg(c.partition, c.next_offset)::text FROM shop.checkpoints AS c WHERE c.topic = 'orders'
    ) AS next_offsets
