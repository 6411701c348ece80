-- The expected facts from topic orders, for one group of keys. A key contains the customer, so all of its events are in
-- one partition, and kafka_offset is their order. Columns are in the order of the data model, whatever ST06 wants.

CREATE OR REPLACE VIEW fold_warehouse_fct_orders AS
WITH folded AS (
    SELECT
        order_id,
        customer_id,
        arg_max(session_id, kafka_offset) FILTER (type = 'order_placed') AS session_id,
        arg_max(currency, kafka_offset) FILTER (type = 'order_placed') AS currency,
        arg_max(order_status(type), kafka_offset) AS status,
        arg_max(utc(occurred_at_ms), kafka_offset) FILTER (type = 'order_placed') AS placed_at,
        arg_max(utc(occurred_at_ms), kafka_offset) FILTER (type = 'order_cancelled') AS cancelled_at,
        arg_max(reason, kafka_offset) FILTER (type = 'order_cancelled') AS cancel_reason,
        coalesce(arg_max(len(lines), kafka_offset) FILTER (type = 'order_placed'), 0) AS lines,
        coalesce(
            arg_max(list_sum([line.quantity FOR line IN lines]), kafka_offset) FILTER (type = 'order_placed'), 0
        )::BIGINT AS units,
        arg_max(subtotal_cents, kafka_offset) FILTER (type = 'order_placed') AS subtotal_cents,
        arg_max(discount_cents, kafka_offset) FILTER (type = 'order_placed') AS discount_cents,
        arg_max(shipping_cents, kafka_offset) FILTER (type = 'order_placed') AS shipping_cents,
        arg_max(tax_cents, kafka_offset) FILTER (type = 'order_placed') AS tax_cents,
        arg_max(total_cents, kafka_offset) FILTER (type = 'order_placed') AS total_cents,
        coalesce(sum(amount_cents) FILTER (type = 'payment_captured'), 0)::BIGINT AS captured_cents,
        coalesce(sum(amount_cents) FILTER (type = 'payment_refunded'), 0)::BIGINT AS refunded_cents,
        coalesce(sum(amount_cents) FILTER (type = 'payment_charged_back'), 0)::BIGINT AS charged_back_cents,
        arg_max(utc(occurred_at_ms), kafka_offset) AS updated_at
    FROM warehouse.orders
    WHERE in_share(order_id)
    GROUP BY order_id, customer_id
)

SELECT -- noqa: ST06
    folded.order_id,
    folded.customer_id,
    folded.session_id,
    folded.currency,
    folded.status,
    folded.placed_at,
    folded.placed_at::DATE AS placed_on,
    folded.cancelled_at,
    folded.cancel_reason,
    folded.lines,
    folded.units,
    folded.subtotal_cents,
    folded.discount_cents,
    folded.shipping_cents,
    folded.tax_cents,
    folded.total_cents,
    folded.captured_cents,
    folded.refunded_cents,
    folded.charged_back_cents,
    folded.captured_cents - folded.refunded_cents - folded.charged_back_cents AS net_cents,
    customer.country,
    customer.segment,
    folded.updated_at
FROM folded
-- Versions of one moment are empty intervals, except the last of them. So at most one version matches. With
-- `valid_to IS NULL OR …`, DuckDB would compare every order with every version.
LEFT JOIN expected.warehouse_dim_customers AS customer
    ON folded.customer_id = customer.customer_id
        AND folded.placed_at >= customer.valid_from
        AND folded.placed_at < coalesce(customer.valid_to, TIMESTAMP 'infinity');

CREATE OR REPLACE VIEW fold_warehouse_fct_order_items AS
WITH last_placed AS (
    SELECT order_id, customer_id, lines, currency, utc(occurred_at_ms)::DATE AS placed_on
    FROM warehouse.orders
    WHERE type = 'order_placed' AND in_share(order_id)
    QUALIFY row_number() OVER (PARTITION BY order_id, customer_id ORDER BY kafka_offset DESC) = 1
),

numbered AS (
    SELECT order_id, customer_id, currency, placed_on, generate_subscripts(lines, 1) AS line_no, unnest(lines) AS line
    FROM last_placed
)

SELECT -- noqa: ST06
    order_id,
    customer_id,
    line_no,
    line.product_id AS product_id,
    line.quantity AS quantity,
    line.unit_price_cents AS unit_price_cents,
    line.quantity * line.unit_price_cents AS amount_cents,
    currency,
    placed_on
FROM numbered;

CREATE OR REPLACE VIEW fold_warehouse_fct_payments AS
SELECT
    payment_id,
    customer_id,
    arg_max(order_id, kafka_offset) AS order_id,
    arg_max(currency, kafka_offset) AS currency,
    arg_max(method, kafka_offset) AS method,
    arg_max(replace(type, 'payment_', ''), kafka_offset) AS status,
    arg_max(reason, kafka_offset) FILTER (type = 'payment_declined') AS decline_reason,
    arg_max(reason, kafka_offset) FILTER (type = 'payment_charged_back') AS chargeback_reason,
    arg_max(amount_cents, kafka_offset) FILTER (type = 'payment_authorised') AS authorised_cents,
    coalesce(sum(amount_cents) FILTER (type = 'payment_captured'), 0)::BIGINT AS captured_cents,
    coalesce(sum(amount_cents) FILTER (type = 'payment_refunded'), 0)::BIGINT AS refunded_cents,
    coalesce(sum(amount_cents) FILTER (type = 'payment_charged_back'), 0)::BIGINT AS charged_back_cents,
    captured_cents - refunded_cents - charged_back_cents AS net_cents,
    arg_max(utc(occurred_at_ms), kafka_offset) FILTER (type = 'payment_authorised') AS authorised_at,
    arg_max(utc(occurred_at_ms), kafka_offset) FILTER (type = 'payment_captured') AS captured_at,
    arg_max(utc(occurred_at_ms), kafka_offset) FILTER (type = 'payment_refunded') AS refunded_at,
    arg_max(utc(occurred_at_ms), kafka_offset) FILTER (type = 'payment_charged_back') AS charged_back_at,
    arg_max(utc(occurred_at_ms), kafka_offset) AS updated_at
FROM warehouse.orders
WHERE starts_with(type, 'payment_') AND in_share(payment_id)
GROUP BY payment_id, customer_id;

CREATE OR REPLACE VIEW fold_warehouse_fct_shipments AS
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
    -- `//` truncates. A delivery before its shipment is rounded down, not towards zero.
    floor((epoch_ms(delivered_at) - epoch_ms(shipped_at)) / 1000)::BIGINT AS delivery_seconds,
    arg_max(utc(occurred_at_ms), kafka_offset) AS updated_at
FROM warehouse.orders
WHERE type IN ('order_shipped', 'order_delivered', 'order_returned') AND in_share(shipment_id)
GROUP BY shipment_id, customer_id;
