-- What several invariants speak of, as views over the tables of event types.

CREATE MACRO local_day(ms, zone) AS (epoch_ms(ms) AT TIME ZONE 'UTC' AT TIME ZONE zone)::DATE;

CREATE VIEW customer_acts AS
SELECT pos, occurred_at_ms, type, customer_id FROM happened_customer
WHERE customer_id IS NOT NULL AND type <> 'customer_registered';

CREATE VIEW customer_status AS
SELECT pos, customer_id, true AS active FROM customer_registered
UNION ALL SELECT pos, customer_id, true FROM customer_reactivated
UNION ALL SELECT pos, customer_id, false FROM customer_deactivated;

CREATE VIEW customer_segments AS
SELECT pos, 'customer_registered' AS type, customer_id, segment FROM customer_registered
UNION ALL SELECT pos, 'customer_segment_changed', customer_id, segment FROM customer_segment_changed;

CREATE VIEW order_lines AS
SELECT pos, occurred_at_ms, order_id, session_id, line.product_id AS product_id, line.quantity AS quantity,
  line.unit_price_cents AS unit_price_cents
FROM (SELECT *, unnest(lines) AS line FROM order_placed);

CREATE VIEW product_acts AS
SELECT pos, occurred_at_ms, type, product_id FROM happened_product
WHERE product_id IS NOT NULL AND type <> 'product_launched'
UNION ALL SELECT pos, occurred_at_ms, 'order_placed', product_id FROM order_lines;

CREATE VIEW prices AS
SELECT pos, product_id, price_cents FROM product_launched
UNION ALL SELECT pos, product_id, price_cents FROM product_price_changed;

CREATE VIEW session_acts AS
SELECT pos, occurred_at_ms, type, session_id FROM happened_session
WHERE session_id IS NOT NULL AND type <> 'session_started';

CREATE VIEW carts AS
SELECT a.session_id, a.product_id, sum(a.quantity) AS quantity, arg_max(a.unit_price_cents, a.pos) AS unit_price_cents
FROM cart_item_added a LEFT JOIN cart_item_removed r USING (session_id, product_id)
WHERE r.pos IS NULL GROUP BY ALL;

CREATE VIEW order_acts AS
SELECT pos, occurred_at_ms, type, order_id, customer_id FROM happened_order
WHERE order_id IS NOT NULL AND type NOT IN ('order_placed', 'checkout_completed');

CREATE VIEW attempts AS
SELECT pos, occurred_at_ms, 'payment_authorised' AS type, order_id, payment_id, amount_cents FROM payment_authorised
UNION ALL
SELECT pos, occurred_at_ms, 'payment_declined', order_id, payment_id, amount_cents FROM payment_declined;

CREATE VIEW payment_moves AS
SELECT pos, order_id, currency FROM payment_authorised
UNION ALL SELECT pos, order_id, currency FROM payment_declined
UNION ALL SELECT pos, order_id, currency FROM payment_captured
UNION ALL SELECT pos, order_id, currency FROM payment_refunded
UNION ALL SELECT pos, order_id, currency FROM payment_charged_back;

CREATE VIEW movements AS
SELECT pos, product_id, warehouse_id, quantity AS on_hand, 0 AS reserved FROM stock_received
UNION ALL SELECT pos, product_id, warehouse_id, 0, quantity FROM stock_reserved
UNION ALL SELECT pos, product_id, warehouse_id, 0, -quantity FROM stock_released
UNION ALL SELECT pos, product_id, warehouse_id, -quantity, -quantity FROM stock_shipped
UNION ALL SELECT pos, product_id, warehouse_id, quantity, 0 FROM stock_returned;

CREATE VIEW money_back AS
SELECT pos, payment_id FROM payment_refunded UNION ALL SELECT pos, payment_id FROM payment_charged_back;
