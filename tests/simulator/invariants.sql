-- What always holds in a simulated shop. Each query selects violations; a block's first line says what it looks for.
-- Tables are event types, `happened` is all of them; `pos` is an event's place in the whole stream. What the scenario
-- says is in countries, rates, holidays, rules, dated_campaigns and flash_sales. violations.sql has a violation of each.
-- `python -m tests.simulator.invariants_page` renews the list in docs/invariants.md.

-- == The stream ==

-- invariant: an event has the id of another
SELECT event_id FROM happened GROUP BY event_id HAVING count(*) > 1;

-- invariant: the stream is not in the order of time
SELECT pos FROM (SELECT pos, occurred_at_ms, lag(occurred_at_ms) OVER (ORDER BY pos) AS before FROM happened)
WHERE occurred_at_ms < before;

-- invariant: a lane's events of a window are not numbered 0, 1, 2 in their order
SELECT pos FROM (
  SELECT pos, seq, row_number() OVER (PARTITION BY lane, window_no ORDER BY pos) - 1 AS expected FROM happened)
WHERE seq <> expected;

-- == Customers ==

-- invariant: a customer registers twice
SELECT customer_id FROM customer_registered GROUP BY customer_id HAVING count(*) > 1;

-- invariant: two of the first customers register in the same millisecond
SELECT occurred_at_ms FROM customer_registered WHERE occurred_at_ms < (SELECT min(occurred_at_ms) FROM session_started)
GROUP BY occurred_at_ms HAVING count(*) > 1;

-- invariant: something happens to a customer who has not registered
SELECT c.pos FROM customer_acts c LEFT JOIN customer_registered r USING (customer_id)
WHERE r.pos IS NULL OR r.pos >= c.pos OR r.occurred_at_ms >= c.occurred_at_ms;

-- invariant: a customer who left changes, visits or orders
SELECT c.pos FROM customer_acts c ASOF JOIN customer_status s ON c.customer_id = s.customer_id AND c.pos > s.pos
WHERE NOT s.active AND c.type IN ('session_started', 'order_placed', 'customer_deactivated',
  'customer_address_changed', 'customer_preferences_changed', 'customer_segment_changed');

-- invariant: someone who did not leave comes back
SELECT c.pos FROM customer_reactivated c ASOF JOIN customer_status s ON c.customer_id = s.customer_id AND c.pos > s.pos
WHERE s.active;

-- invariant: a customer is moved to the segment they are in
SELECT pos FROM (
  SELECT pos, type, segment, lag(segment) OVER (PARTITION BY customer_id ORDER BY pos) AS before FROM customer_segments)
WHERE segment = before;

-- invariant: a customer's currency is not that of the country
SELECT r.pos FROM customer_registered r LEFT JOIN countries c USING (country) WHERE c.currency IS DISTINCT FROM r.currency;

-- invariant: a customer moves to another country
SELECT m.pos FROM customer_address_changed m JOIN customer_registered r USING (customer_id) WHERE m.country <> r.country;

-- == Products ==

-- invariant: a product is launched twice
SELECT product_id FROM product_launched GROUP BY product_id HAVING count(*) > 1;

-- invariant: something happens to a product that is not launched
SELECT a.pos FROM product_acts a LEFT JOIN product_launched l USING (product_id)
WHERE l.pos IS NULL OR l.pos >= a.pos OR l.occurred_at_ms >= a.occurred_at_ms;

-- invariant: a discontinued product is seen, put into a cart, bought or repriced
SELECT a.pos FROM product_acts a JOIN product_discontinued d USING (product_id)
WHERE d.pos <= a.pos AND a.type IN ('product_viewed', 'cart_item_added', 'order_placed', 'product_price_changed');

-- invariant: an item goes into the cart at another price than the product has, at the rate of the currency
SELECT c.pos FROM cart_item_added c JOIN rates r USING (currency)
ASOF JOIN prices p ON c.product_id = p.product_id AND c.pos > p.pos
WHERE abs(c.unit_price_cents - greatest(1, p.price_cents * r.rate)) > 0.501;

-- invariant: a product is a variant without a model, or a model has no variants
SELECT pos FROM product_launched WHERE (model_id IS NULL) <> (variant IS NULL);

-- invariant: two products of a model are the same variant
SELECT model_id FROM product_launched WHERE model_id IS NOT NULL GROUP BY model_id, variant HAVING count(*) > 1;

-- invariant: the variants of a model differ in name, category, first price or launch
SELECT model_id FROM product_launched WHERE model_id IS NOT NULL GROUP BY model_id
HAVING count(DISTINCT (name, category, price_cents, occurred_at_ms)) > 1;

-- invariant: in a flash sale something costs other than the percentage less, or what it cost before is not asked after it
SELECT c.pos FROM product_price_changed c JOIN flash_sales f ON c.occurred_at_ms = f.start_ms
ASOF JOIN prices p ON c.product_id = p.product_id AND c.pos > p.pos
WHERE c.price_cents <> greatest(p.price_cents * (100 - f.percent) // 100, 49) OR c.price_cents >= p.price_cents
  OR (f.end_ms < (SELECT max(occurred_at_ms) FROM happened) AND NOT EXISTS (FROM product_price_changed a
    WHERE a.product_id = c.product_id AND a.occurred_at_ms = f.end_ms AND a.price_cents = p.price_cents));

-- invariant: the price of a product changes while it is in a flash sale
SELECT o.pos FROM product_price_changed c JOIN flash_sales f ON c.occurred_at_ms = f.start_ms
JOIN product_price_changed o ON o.product_id = c.product_id AND o.occurred_at_ms > f.start_ms AND o.occurred_at_ms < f.end_ms;

-- invariant: more products are in a flash sale than the scenario says
SELECT f.name FROM product_price_changed c JOIN flash_sales f ON c.occurred_at_ms = f.start_ms
GROUP BY f.name, f.products HAVING count(*) > f.products;

-- invariant: a price changes to what it was
SELECT pos FROM (SELECT pos, price_cents, lag(price_cents) OVER (PARTITION BY product_id ORDER BY pos) AS before FROM prices)
WHERE price_cents = before;

-- == Sessions and carts ==

-- invariant: a session's event comes before its start, in the same millisecond, or hours after it
SELECT a.pos FROM session_acts a LEFT JOIN session_started s USING (session_id)
WHERE s.pos IS NULL OR a.occurred_at_ms <= s.occurred_at_ms OR a.occurred_at_ms > s.occurred_at_ms + 3 * 3600000;

-- invariant: an item is put into a cart without being looked at
SELECT c.pos FROM cart_item_added c
WHERE NOT EXISTS (FROM product_viewed v
  WHERE v.session_id = c.session_id AND v.product_id = c.product_id AND v.occurred_at_ms < c.occurred_at_ms);

-- invariant: an item is taken out of a cart that does not hold it
SELECT r.pos FROM cart_item_removed r LEFT JOIN cart_item_added a USING (session_id, product_id)
WHERE a.pos IS NULL OR a.occurred_at_ms >= r.occurred_at_ms;

-- invariant: a cart changes after the till
SELECT s.pos FROM checkout_started c JOIN session_acts s USING (session_id)
WHERE s.type IN ('cart_item_added', 'cart_item_removed') AND s.occurred_at_ms >= c.occurred_at_ms;

-- invariant: someone goes to the till with an empty cart
SELECT c.pos FROM checkout_started c WHERE NOT EXISTS (FROM carts WHERE carts.session_id = c.session_id);

-- invariant: a checkout is completed that was not started
SELECT c.pos FROM checkout_completed c LEFT JOIN checkout_started s USING (session_id)
WHERE s.pos IS NULL OR s.occurred_at_ms >= c.occurred_at_ms;

-- invariant: a cart holds prices of a currency that has no rate, or of two currencies
SELECT pos::VARCHAR FROM cart_item_added ANTI JOIN rates USING (currency)
UNION ALL SELECT session_id FROM cart_item_added GROUP BY session_id HAVING count(DISTINCT currency) > 1;

-- invariant: a campaign brings a session on a day, or a flash sale in an hour, that is not its own
SELECT s.pos FROM session_started s JOIN dated_campaigns d ON s.campaign = d.name
LEFT JOIN customer_registered r USING (customer_id) LEFT JOIN countries c ON c.country = r.country
WHERE CASE WHEN c.zone IS NULL
  THEN NOT s.occurred_at_ms BETWEEN epoch_ms(d.first::TIMESTAMP) - 86400000 AND epoch_ms(d.last::TIMESTAMP) + 2 * 86400000
  ELSE NOT local_day(s.occurred_at_ms, c.zone) BETWEEN d.first AND d.last END
UNION ALL SELECT s.pos FROM session_started s JOIN flash_sales f ON s.campaign = f.name
WHERE s.occurred_at_ms < f.start_ms OR s.occurred_at_ms >= f.end_ms;

-- == Orders ==

-- invariant: an order is not that of its session's checkout and customer
SELECT o.pos FROM order_placed o
LEFT JOIN checkout_completed c ON c.session_id = o.session_id AND c.order_id = o.order_id
LEFT JOIN session_started s ON s.session_id = o.session_id AND s.customer_id = o.customer_id
WHERE c.pos IS NULL OR s.pos IS NULL OR c.occurred_at_ms >= o.occurred_at_ms;

-- invariant: two orders have one id or one session
SELECT order_id FROM order_placed GROUP BY order_id HAVING count(*) > 1
UNION ALL SELECT session_id FROM order_placed GROUP BY session_id HAVING count(*) > 1;

-- invariant: an order's lines are not its cart
(SELECT session_id, product_id, quantity, unit_price_cents FROM order_lines
 EXCEPT ALL SELECT session_id, product_id, quantity, unit_price_cents FROM carts)
UNION ALL
(SELECT session_id, product_id, quantity, unit_price_cents FROM carts SEMI JOIN order_placed USING (session_id)
 EXCEPT ALL SELECT session_id, product_id, quantity, unit_price_cents FROM order_lines);

-- invariant: an order's sums do not add up
SELECT o.pos FROM order_placed o
JOIN (SELECT order_id, sum(quantity * unit_price_cents) AS lines FROM order_lines GROUP BY ALL) l USING (order_id)
WHERE subtotal_cents <> l.lines OR total_cents <> subtotal_cents - discount_cents + shipping_cents + tax_cents
  OR discount_cents > subtotal_cents;

-- invariant: something happens to an order that is not placed
SELECT a.pos FROM order_acts a LEFT JOIN order_placed o USING (order_id)
WHERE o.pos IS NULL OR o.occurred_at_ms >= a.occurred_at_ms OR o.customer_id <> coalesce(a.customer_id, o.customer_id);

-- invariant: an order, its cart, its customer and its payments differ in currency
SELECT o.pos FROM order_placed o JOIN customer_registered r USING (customer_id) WHERE o.currency <> r.currency
UNION ALL SELECT c.pos FROM cart_item_added c JOIN order_placed o USING (session_id) WHERE c.currency <> o.currency
UNION ALL SELECT p.pos FROM payment_moves p JOIN order_placed o USING (order_id)
WHERE p.currency IS DISTINCT FROM o.currency;

-- == Payments ==

-- invariant: a payment attempt is not over the order's total
SELECT p.pos FROM attempts p JOIN order_placed o USING (order_id) WHERE p.amount_cents <> o.total_cents;

-- invariant: an attempt repeats a payment id, or follows one that was authorised
SELECT payment_id FROM attempts GROUP BY payment_id HAVING count(*) > 1
UNION ALL
SELECT p.order_id FROM attempts p JOIN payment_authorised a USING (order_id) WHERE p.pos > a.pos;

-- invariant: more is captured than was authorised, or before it, or twice
SELECT c.pos::VARCHAR FROM payment_captured c LEFT JOIN payment_authorised a USING (payment_id)
WHERE a.pos IS NULL OR a.occurred_at_ms >= c.occurred_at_ms OR c.amount_cents > a.amount_cents
  OR a.order_id <> c.order_id
UNION ALL SELECT order_id FROM payment_captured GROUP BY order_id HAVING count(*) > 1;

-- invariant: money goes back that was not captured, or not yet, or for another order
SELECT r.pos FROM payment_refunded r LEFT JOIN payment_captured c USING (payment_id)
WHERE c.pos IS NULL OR c.occurred_at_ms >= r.occurred_at_ms OR r.order_id <> c.order_id;

-- invariant: refunds of a payment sum to more than was captured, or to nothing
SELECT payment_id FROM (SELECT payment_id, sum(amount_cents) AS back FROM payment_refunded GROUP BY ALL)
JOIN payment_captured USING (payment_id) WHERE back > amount_cents OR back <= 0;

-- invariant: the bank takes back a payment that was not captured, or twice, or of another order
SELECT b.pos::VARCHAR FROM payment_charged_back b LEFT JOIN payment_captured c USING (payment_id)
WHERE c.pos IS NULL OR c.occurred_at_ms >= b.occurred_at_ms OR c.order_id <> b.order_id
UNION ALL SELECT payment_id FROM payment_charged_back GROUP BY payment_id HAVING count(*) > 1;

-- invariant: what the bank took back and what was refunded sum to more than was captured
SELECT payment_id FROM (
  SELECT payment_id, sum(amount_cents) AS back FROM (
    SELECT payment_id, amount_cents FROM payment_charged_back
    UNION ALL SELECT payment_id, amount_cents FROM payment_refunded SEMI JOIN payment_charged_back USING (payment_id))
  GROUP BY payment_id)
JOIN payment_captured USING (payment_id) WHERE back > amount_cents OR back <= 0;

-- invariant: a cancelled order is captured, shipped or cancelled again
SELECT c.pos FROM order_cancelled c JOIN order_acts a USING (order_id)
WHERE a.type IN ('payment_captured', 'order_shipped', 'stock_shipped') OR (a.type = 'order_cancelled' AND a.pos <> c.pos);

-- invariant: an order is cancelled for a failed payment while one was authorised, or before the last attempt
SELECT c.pos FROM order_cancelled c JOIN attempts p USING (order_id)
WHERE p.occurred_at_ms >= c.occurred_at_ms OR (c.reason = 'payment_failed' AND p.type = 'payment_authorised');

-- == Fulfilment ==

-- invariant: a parcel leaves before the money came
SELECT s.pos FROM order_shipped s LEFT JOIN payment_captured c USING (order_id)
WHERE c.pos IS NULL OR c.occurred_at_ms >= s.occurred_at_ms;

-- invariant: a parcel arrives that did not leave
SELECT d.pos FROM order_delivered d LEFT JOIN order_shipped s USING (shipment_id, order_id)
WHERE s.pos IS NULL OR s.occurred_at_ms >= d.occurred_at_ms;

-- invariant: a parcel arrives on a Sunday or a holiday on which none are delivered
SELECT d.pos FROM order_delivered d JOIN customer_registered r USING (customer_id) JOIN countries c USING (country)
LEFT JOIN holidays h ON h.country = r.country AND h.day = local_day(d.occurred_at_ms, c.zone), rules
WHERE h.day IS NOT NULL OR (NOT sunday_deliveries AND isodow(local_day(d.occurred_at_ms, c.zone)) = 7);

-- invariant: a parcel comes back that did not arrive
SELECT r.pos FROM order_returned r LEFT JOIN order_delivered d USING (shipment_id, order_id)
WHERE d.pos IS NULL OR d.occurred_at_ms >= r.occurred_at_ms;

-- invariant: money goes back for a return that has not happened
SELECT f.pos FROM payment_refunded f JOIN order_returned r USING (order_id) WHERE r.occurred_at_ms >= f.occurred_at_ms;

-- == Stock ==

-- invariant: a warehouse holds less than nothing, or less than it promised
SELECT pos FROM (
  SELECT pos, sum(on_hand) OVER w AS on_hand, sum(reserved) OVER w AS reserved FROM movements
  WINDOW w AS (PARTITION BY product_id, warehouse_id ORDER BY pos))
WHERE on_hand < 0 OR reserved < 0 OR reserved > on_hand;

-- invariant: stock is reserved that is not in the order, or a line is not reserved
(SELECT order_id, product_id, quantity FROM stock_reserved EXCEPT ALL SELECT order_id, product_id, quantity FROM order_lines)
UNION ALL
(SELECT order_id, product_id, quantity FROM order_lines WHERE occurred_at_ms < (SELECT max(occurred_at_ms) - 1000 FROM happened)
 EXCEPT ALL SELECT order_id, product_id, quantity FROM stock_reserved);

-- invariant: stock leaves or is released that was not reserved
(SELECT order_id, product_id, warehouse_id, quantity FROM stock_shipped
 UNION ALL SELECT order_id, product_id, warehouse_id, quantity FROM stock_released)
EXCEPT ALL SELECT order_id, product_id, warehouse_id, quantity FROM stock_reserved;

-- invariant: stock comes back that was not shipped
SELECT order_id, product_id, warehouse_id, quantity FROM stock_returned
EXCEPT ALL SELECT order_id, product_id, warehouse_id, quantity FROM stock_shipped;

-- invariant: stock moves before the event that moves it
SELECT m.pos FROM stock_shipped m LEFT JOIN order_shipped c USING (order_id)
WHERE c.pos IS NULL OR c.occurred_at_ms >= m.occurred_at_ms
UNION ALL SELECT m.pos FROM stock_released m LEFT JOIN order_cancelled c USING (order_id)
WHERE c.pos IS NULL OR c.occurred_at_ms >= m.occurred_at_ms
UNION ALL SELECT m.pos FROM stock_returned m LEFT JOIN order_returned c USING (order_id)
WHERE c.pos IS NULL OR c.occurred_at_ms >= m.occurred_at_ms;

-- == Reviews ==

-- invariant: someone reviews what they did not receive
SELECT r.pos FROM review_submitted r
LEFT JOIN order_delivered d ON d.order_id = r.order_id AND d.customer_id = r.customer_id
LEFT JOIN order_lines l ON l.order_id = r.order_id AND l.product_id = r.product_id
WHERE d.pos IS NULL OR l.order_id IS NULL OR d.occurred_at_ms >= r.occurred_at_ms;

-- invariant: a line of an order is reviewed twice
SELECT order_id FROM review_submitted GROUP BY order_id, product_id HAVING count(*) > 1;

-- invariant: a removed review was not there, or counted otherwise
SELECT m.pos FROM review_removed m LEFT JOIN review_submitted r USING (review_id)
WHERE r.pos IS NULL OR r.occurred_at_ms >= m.occurred_at_ms OR r.rating <> m.rating OR r.product_id <> m.product_id
  OR r.customer_id <> m.customer_id
UNION ALL SELECT min(pos) FROM review_removed GROUP BY review_id HAVING count(*) > 1;
