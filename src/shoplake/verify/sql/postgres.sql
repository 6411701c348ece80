-- The expected rows of schema `shop` in Postgres for one group of keys.

CREATE OR REPLACE VIEW fold_postgres_customers AS
SELECT * EXCLUDE (registered_at_ms, updated_at_ms), utc(registered_at_ms) AS registered_at,
    utc(updated_at_ms) AS updated_at
FROM fold_customers;

CREATE OR REPLACE VIEW fold_postgres_products AS
SELECT * EXCLUDE (launched_at_ms, updated_at_ms), utc(launched_at_ms) AS launched_at, utc(updated_at_ms) AS updated_at
FROM fold_products;

CREATE OR REPLACE VIEW fold_postgres_orders AS
SELECT
    order_id,
    customer_id,
    arg_max(session_id, kafka_offset) FILTER (type = 'order_placed') AS session_id,
    arg_max(currency, kafka_offset) FILTER (type = 'order_placed') AS currency,
    arg_max(subtotal_cents, kafka_offset) AS subtotal_cents,
    arg_max(discount_cents, kafka_offset) AS discount_cents,
    arg_max(shipping_cents, kafka_offset) AS shipping_cents,
    arg_max(tax_cents, kafka_offset) AS tax_cents,
    arg_max(total_cents, kafka_offset) AS total_cents,
    arg_max(utc(occurred_at_ms), kafka_offset) FILTER (type = 'order_placed') AS placed_at,
    arg_max(order_status(type), kafka_offset) AS status,
    arg_max(utc(occurred_at_ms), kafka_offset) AS updated_at
FROM ev_orders
WHERE in_share(order_id)
GROUP BY order_id, customer_id;

CREATE OR REPLACE VIEW fold_postgres_order_items AS
SELECT
    order_id,
    customer_id,
    line_no,
    arg_max(product_id, kafka_offset) AS product_id,
    arg_max(quantity, kafka_offset) AS quantity,
    arg_max(unit_price_cents, kafka_offset) AS unit_price_cents
FROM order_lines
WHERE in_share(order_id)
GROUP BY order_id, customer_id, line_no;

CREATE OR REPLACE VIEW fold_postgres_payments AS
SELECT
    payment_id,
    customer_id,
    arg_max(order_id, kafka_offset) AS order_id,
    arg_max(currency, kafka_offset) AS currency,
    arg_max(method, kafka_offset) AS method,
    arg_max(amount_cents, kafka_offset) FILTER (type IN ('payment_authorised', 'payment_declined')) AS amount_cents,
    arg_max(reason, kafka_offset) FILTER (type = 'payment_declined') AS decline_reason,
    coalesce(sum(amount_cents) FILTER (type = 'payment_captured'), 0)::BIGINT AS captured_cents,
    arg_max(reason, kafka_offset) FILTER (type = 'payment_charged_back') AS chargeback_reason,
    coalesce(sum(amount_cents) FILTER (type = 'payment_refunded'), 0)::BIGINT AS refunded_cents,
    coalesce(sum(amount_cents) FILTER (type = 'payment_charged_back'), 0)::BIGINT AS charged_back_cents,
    arg_max(replace(type, 'payment_', ''), kafka_offset) AS status,
    arg_max(utc(occurred_at_ms), kafka_offset) AS updated_at
FROM ev_orders
WHERE type IN (
    'payment_authorised', 'payment_declined', 'payment_captured', 'payment_refunded', 'payment_charged_back'
) AND in_share(payment_id)
GROUP BY payment_id, customer_id;

CREATE OR REPLACE VIEW fold_postgres_shipments AS
SELECT
    shipment_id,
    customer_id,
    arg_max(order_id, kafka_offset) AS order_id,
    arg_max(carrier, kafka_offset) AS carrier,
    arg_max(replace(type, 'order_', ''), kafka_offset) AS status,
    arg_max(utc(occurred_at_ms), kafka_offset) FILTER (type = 'order_shipped') AS shipped_at,
    arg_max(utc(occurred_at_ms), kafka_offset) FILTER (type = 'order_delivered') AS delivered_at,
    arg_max(utc(occurred_at_ms), kafka_offset) FILTER (type = 'order_returned') AS returned_at,
    arg_max(reason, kafka_offset) FILTER (type = 'order_returned') AS return_reason,
    arg_max(utc(occurred_at_ms), kafka_offset) AS updated_at
FROM ev_orders
WHERE type IN ('order_shipped', 'order_delivered', 'order_returned') AND in_share(shipment_id)
GROUP BY shipment_id, customer_id;

CREATE OR REPLACE VIEW fold_postgres_inventory AS
SELECT
    product_id,
    warehouse_id,
    sum(CASE
        WHEN type IN ('stock_received', 'stock_returned') THEN quantity
        WHEN type = 'stock_shipped' THEN -quantity
        ELSE 0
    END)::BIGINT AS on_hand,
    sum(CASE
        WHEN type = 'stock_reserved' THEN quantity
        WHEN type IN ('stock_released', 'stock_shipped') THEN -quantity
        ELSE 0
    END)::BIGINT AS reserved,
    arg_max(utc(occurred_at_ms), kafka_offset) AS updated_at
FROM ev_inventory
WHERE in_share(product_id)
GROUP BY product_id, warehouse_id;

CREATE OR REPLACE VIEW fold_postgres_reviews AS
SELECT
    review_id,
    product_id,
    arg_max(customer_id, kafka_offset) AS customer_id,
    arg_max(order_id, kafka_offset) AS order_id,
    arg_max(rating, kafka_offset) AS rating,
    arg_max(title, kafka_offset) AS title,
    arg_max(body, kafka_offset) AS body,
    arg_max(
        CASE type WHEN 'review_submitted' THEN 'published' WHEN 'review_removed' THEN 'removed' END, kafka_offset
    ) AS status,
    arg_max(reason, kafka_offset) FILTER (type = 'review_removed') AS removal_reason,
    arg_max(utc(occurred_at_ms), kafka_offset) FILTER (type = 'review_submitted') AS submitted_at,
    arg_max(utc(occurred_at_ms), kafka_offset) AS updated_at
FROM ev_reviews
WHERE in_share(review_id)
GROUP BY review_id, product_id;
