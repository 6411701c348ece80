-- Violations: for each invariant changes to a sound shop that it, and only what is named, must notice. Each is rolled
-- back. A block's first line says what is wrong, the next ones which invariants see it.

-- == The stream ==

-- plant: an event carries the id of another
-- seen by: an event has the id of another
UPDATE happened SET event_id = (SELECT event_id FROM happened WHERE pos = 10) WHERE pos = 20;

-- plant: an event comes a day too late
-- seen by: the stream is not in the order of time
UPDATE happened SET occurred_at_ms = occurred_at_ms - 86400000 WHERE pos = 5000;

-- plant: a lane skips a number
-- seen by: a lane's events of a window are not numbered 0, 1, 2 in their order
UPDATE happened SET seq = seq + 1 WHERE pos = 5000;

-- plant: a window's events change places
-- seen by: a lane's events of a window are not numbered 0, 1, 2 in their order
UPDATE happened SET seq = 1 - seq WHERE window_no = 1 AND lane = 0 AND seq < 2;

-- == Customers ==

-- plant: someone who never came registers again, as another kind of customer
-- seen by: a customer registers twice
INSERT INTO customer_registered
SELECT * REPLACE ((SELECT max(pos) FROM happened) AS pos, occurred_at_ms + 86400000 AS occurred_at_ms, 'x' AS segment)
FROM customer_registered ANTI JOIN customer_acts USING (customer_id) ORDER BY ALL LIMIT 1;

-- plant: the second customer registers together with the first
-- seen by: two of the first customers register in the same millisecond
UPDATE customer_registered SET occurred_at_ms = (SELECT min(occurred_at_ms) FROM customer_registered)
WHERE pos = (SELECT min(pos) FROM customer_registered WHERE pos > (SELECT min(pos) FROM customer_registered));

-- plant: a registration is missing
-- seen by: something happens to a customer who has not registered
DELETE FROM customer_registered WHERE customer_id = (SELECT min(customer_id) FROM order_placed);

-- plant: someone registers in the millisecond of their first visit
-- seen by: something happens to a customer who has not registered
UPDATE customer_registered SET occurred_at_ms = first.at
FROM (SELECT customer_id, min(occurred_at_ms) AS at FROM customer_acts GROUP BY ALL ORDER BY ALL LIMIT 1) first
WHERE customer_registered.customer_id = first.customer_id;

-- plant: someone registers after their first visit, if the clock is not asked
-- seen by: something happens to a customer who has not registered
UPDATE customer_registered SET pos = first.pos + 1
FROM (SELECT customer_id, min(pos) AS pos FROM customer_acts ANTI JOIN customer_segment_changed USING (customer_id)
  ANTI JOIN customer_deactivated USING (customer_id) GROUP BY ALL ORDER BY ALL LIMIT 1) first
WHERE customer_registered.customer_id = first.customer_id;

-- plant: a customer leaves just before an order
-- seen by: a customer who left changes, visits or orders
INSERT INTO customer_deactivated
SELECT d.* REPLACE (o.pos - 1 AS pos, o.occurred_at_ms - 2 AS occurred_at_ms, o.customer_id AS customer_id)
FROM order_placed o ANTI JOIN customer_deactivated USING (customer_id), (FROM customer_deactivated LIMIT 1) d
ORDER BY o.pos LIMIT 1;

-- plant: a customer leaves twice
-- seen by: a customer who left changes, visits or orders
INSERT INTO customer_deactivated SELECT * REPLACE (pos + 1 AS pos)
FROM customer_deactivated ANTI JOIN customer_reactivated USING (customer_id) ORDER BY pos LIMIT 1;

-- plant: someone comes back who is there
-- seen by: someone who did not leave comes back
INSERT INTO customer_reactivated
SELECT b.* REPLACE (o.pos + 1 AS pos, o.occurred_at_ms + 2 AS occurred_at_ms, o.customer_id AS customer_id)
FROM order_placed o ANTI JOIN customer_deactivated USING (customer_id), (FROM customer_reactivated LIMIT 1) b
ORDER BY o.pos LIMIT 1;

-- plant: a customer's first change of segment leads nowhere
-- seen by: a customer is moved to the segment they are in
UPDATE customer_segment_changed SET segment = r.segment
FROM customer_registered r WHERE r.customer_id = customer_segment_changed.customer_id
  AND customer_segment_changed.pos = (SELECT min(pos) FROM customer_segment_changed);

-- plant: someone who never came pays in another currency than that of the country
-- seen by: a customer's currency is not that of the country
UPDATE customer_registered SET currency = 'USD'
WHERE customer_id = (SELECT min(customer_id) FROM customer_registered ANTI JOIN customer_acts USING (customer_id));

-- plant: someone moves abroad
-- seen by: a customer moves to another country
UPDATE customer_address_changed SET country = 'US' WHERE pos = (SELECT min(pos) FROM customer_address_changed);

-- == Products ==

-- plant: a product that nobody put into a cart is launched twice at once, at another price
-- seen by: a product is launched twice
INSERT INTO product_launched SELECT * REPLACE (price_cents + 1 AS price_cents)
FROM product_launched ANTI JOIN cart_item_added USING (product_id) ANTI JOIN product_price_changed USING (product_id)
ORDER BY pos LIMIT 1;

-- plant: a launch is missing
-- seen by: something happens to a product that is not launched
DELETE FROM product_launched WHERE product_id = (SELECT min_by(product_id, pos) FROM product_viewed);

-- plant: a product is launched in the millisecond in which its first units come
-- seen by: something happens to a product that is not launched
UPDATE product_launched SET occurred_at_ms = first.at
FROM (SELECT product_id, min(occurred_at_ms) AS at FROM stock_received GROUP BY ALL ORDER BY ALL LIMIT 1) first
WHERE product_launched.product_id = first.product_id;

-- plant: a product is discontinued just before somebody looks at it for the last time
-- seen by: a discontinued product is seen, put into a cart, bought or repriced
INSERT INTO product_discontinued BY NAME
SELECT pos - 1 AS pos, 'end' AS event_id, occurred_at_ms - 1 AS occurred_at_ms, product_id
FROM product_viewed ORDER BY pos DESC LIMIT 1;

-- plant: a discontinued product gets a new price
-- seen by: a discontinued product is seen, put into a cart, bought or repriced
INSERT INTO product_discontinued BY NAME
SELECT max(pos) AS pos, max(occurred_at_ms) AS occurred_at_ms, product_id
FROM happened_product ANTI JOIN cart_item_added USING (product_id) GROUP BY product_id ORDER BY product_id LIMIT 1;
INSERT INTO product_price_changed
SELECT p.* REPLACE (d.pos + 1 AS pos, d.occurred_at_ms + 2 AS occurred_at_ms, d.product_id AS product_id, 1 AS price_cents)
FROM product_discontinued d, (FROM product_price_changed LIMIT 1) p WHERE d.event_id IS NULL;

-- plant: an abandoned cart holds an item that costs a cent more than in the shop
-- seen by: an item goes into the cart at another price than the product has, at the rate of the currency
UPDATE cart_item_added SET unit_price_cents = unit_price_cents + 1
WHERE pos = (SELECT min(pos) FROM cart_item_added ANTI JOIN order_placed USING (session_id));

-- plant: a price changes to the price at the launch
-- seen by: a price changes to what it was
INSERT INTO product_price_changed
SELECT p.* REPLACE ((SELECT max(pos) FROM happened) AS pos, l.product_id AS product_id, l.price_cents AS price_cents,
  (SELECT max(occurred_at_ms) FROM happened) AS occurred_at_ms)
FROM product_launched l ANTI JOIN product_price_changed USING (product_id)
ANTI JOIN product_discontinued USING (product_id), (FROM product_price_changed LIMIT 1) p ORDER BY l.pos LIMIT 1;

-- plant: a variant has lost its model
-- seen by: a product is a variant without a model, or a model has no variants
UPDATE product_launched SET model_id = NULL WHERE pos = (SELECT min(pos) FROM product_launched WHERE variant IS NOT NULL);

-- plant: a product that comes in one form is given a model
-- seen by: a product is a variant without a model, or a model has no variants
UPDATE product_launched SET model_id = 'm-new' WHERE pos = (SELECT min(pos) FROM product_launched WHERE variant IS NULL);

-- plant: all variants of a model are blue
-- seen by: two products of a model are the same variant
UPDATE product_launched SET variant = 'Blue' WHERE model_id = (
  SELECT model_id FROM product_launched WHERE model_id IS NOT NULL GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1);

-- plant: a variant is called otherwise than its model
-- seen by: the variants of a model differ in name, category, first price or launch
UPDATE product_launched SET name = 'Other' WHERE pos = (SELECT max(pos) FROM product_launched WHERE model_id = (
  SELECT model_id FROM product_launched WHERE model_id IS NOT NULL GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1));

-- plant: a variant is launched a moment before its model
-- seen by: the variants of a model differ in name, category, first price or launch
UPDATE product_launched SET occurred_at_ms = occurred_at_ms - 2
WHERE pos = (SELECT max(pos) FROM product_launched WHERE model_id = (
  SELECT model_id FROM product_launched WHERE model_id IS NOT NULL GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1));

-- plant: in a flash sale a product that nobody buys is a cent dearer than stated
-- seen by: in a flash sale something costs other than the percentage less, or what it cost before is not asked after it
UPDATE product_price_changed SET price_cents = price_cents + 1 WHERE pos = (
  SELECT min(c.pos) FROM product_price_changed c JOIN flash_sales f ON c.occurred_at_ms = f.start_ms
  WHERE NOT EXISTS (FROM cart_item_added a WHERE a.product_id = c.product_id
    AND a.occurred_at_ms BETWEEN f.start_ms AND f.end_ms));

-- plant: after a flash sale the price of something that nobody buys any more stays down
-- seen by: in a flash sale something costs other than the percentage less, or what it cost before is not asked after it
DELETE FROM product_price_changed WHERE pos = (
  SELECT min(c.pos) FROM product_price_changed c JOIN flash_sales f ON c.occurred_at_ms = f.end_ms
  WHERE NOT EXISTS (FROM cart_item_added a WHERE a.product_id = c.product_id AND a.occurred_at_ms > f.end_ms)
    AND NOT EXISTS (FROM product_price_changed n WHERE n.product_id = c.product_id AND n.occurred_at_ms > f.end_ms));

-- plant: in a flash sale the price of something that nobody buys changes once more
-- seen by: the price of a product changes while it is in a flash sale
INSERT INTO product_price_changed
SELECT c.* REPLACE (c.pos + 1 AS pos, c.occurred_at_ms + 2 AS occurred_at_ms, c.price_cents + 1 AS price_cents)
FROM product_price_changed c JOIN flash_sales f ON c.occurred_at_ms = f.start_ms
WHERE NOT EXISTS (FROM cart_item_added a WHERE a.product_id = c.product_id
  AND a.occurred_at_ms BETWEEN f.start_ms AND f.end_ms)
ORDER BY c.pos LIMIT 1;

-- plant: a flash sale was to have three products
-- seen by: more products are in a flash sale than the scenario says
UPDATE flash_sales SET products = 3;

-- == Sessions and carts ==

-- plant: a session goes on that never started
-- seen by: a session's event comes before its start, in the same millisecond, or hours after it
DELETE FROM session_started WHERE pos = (
  SELECT min(pos) FROM session_started SEMI JOIN page_viewed USING (session_id) WHERE customer_id IS NULL);

-- plant: a page is seen in the millisecond in which the session starts
-- seen by: a session's event comes before its start, in the same millisecond, or hours after it
UPDATE page_viewed SET occurred_at_ms = s.occurred_at_ms FROM session_started s
WHERE s.session_id = page_viewed.session_id AND page_viewed.pos = (SELECT min(pos) FROM page_viewed);

-- plant: a page is seen four hours after its session started
-- seen by: a session's event comes before its start, in the same millisecond, or hours after it
UPDATE page_viewed SET occurred_at_ms = occurred_at_ms + 4 * 3600000 WHERE pos = (SELECT min(pos) FROM page_viewed);

-- plant: nobody looked at what is in the cart
-- seen by: an item is put into a cart without being looked at
DELETE FROM product_viewed USING (FROM cart_item_added ORDER BY pos LIMIT 1) a
WHERE product_viewed.session_id = a.session_id AND product_viewed.product_id = a.product_id;

-- plant: something is looked at only once it is in the cart
-- seen by: an item is put into a cart without being looked at
UPDATE product_viewed SET occurred_at_ms = a.occurred_at_ms + 2 FROM (FROM cart_item_added ORDER BY pos LIMIT 1) a
WHERE product_viewed.session_id = a.session_id AND product_viewed.product_id = a.product_id;

-- plant: an item is taken out that never went in
-- seen by: an item is taken out of a cart that does not hold it
DELETE FROM cart_item_added USING (FROM cart_item_removed ORDER BY pos LIMIT 1) r
WHERE cart_item_added.session_id = r.session_id AND cart_item_added.product_id = r.product_id;

-- plant: an item is taken out in the millisecond in which it goes in
-- seen by: an item is taken out of a cart that does not hold it
UPDATE cart_item_removed SET occurred_at_ms = a.occurred_at_ms FROM cart_item_added a
WHERE cart_item_removed.session_id = a.session_id AND cart_item_removed.product_id = a.product_id
  AND cart_item_removed.pos = (SELECT min(pos) FROM cart_item_removed);

-- plant: an item goes into an abandoned cart after the till
-- seen by: a cart changes after the till
UPDATE cart_item_added SET occurred_at_ms = c.occurred_at_ms + 2
FROM (FROM checkout_started ANTI JOIN checkout_completed USING (session_id)
  ANTI JOIN cart_item_removed USING (session_id) ORDER BY pos LIMIT 1) c
WHERE cart_item_added.session_id = c.session_id;

-- plant: an item is taken out after the till
-- seen by: a cart changes after the till
UPDATE cart_item_removed SET occurred_at_ms = c.occurred_at_ms + 2
FROM (FROM checkout_started SEMI JOIN cart_item_removed USING (session_id) ORDER BY pos LIMIT 1) c
WHERE cart_item_removed.session_id = c.session_id;

-- plant: someone who put nothing into a cart goes to the till
-- seen by: someone goes to the till with an empty cart
INSERT INTO checkout_started
SELECT c.* REPLACE (p.pos AS pos, p.occurred_at_ms + 2 AS occurred_at_ms, p.session_id AS session_id)
FROM page_viewed p ANTI JOIN cart_item_added USING (session_id), (FROM checkout_started LIMIT 1) c
ORDER BY p.pos LIMIT 1;

-- plant: a checkout is completed in a session that did not go to the till
-- seen by: a checkout is completed that was not started
DELETE FROM checkout_started WHERE session_id = (SELECT min_by(session_id, pos) FROM checkout_completed);

-- plant: a checkout is completed in the millisecond in which it starts
-- seen by: a checkout is completed that was not started
UPDATE checkout_completed SET occurred_at_ms = s.occurred_at_ms FROM checkout_started s
WHERE s.session_id = checkout_completed.session_id AND checkout_completed.pos = (SELECT min(pos) FROM checkout_completed);

-- plant: an item of an abandoned cart has a price in a currency without a rate
-- seen by: a cart holds prices of a currency that has no rate, or of two currencies
UPDATE cart_item_added SET currency = 'CHF'
WHERE pos = (SELECT min(pos) FROM cart_item_added ANTI JOIN order_placed USING (session_id));

-- plant: an abandoned cart holds a price in euros and one in pounds, at the rate
-- seen by: a cart holds prices of a currency that has no rate, or of two currencies
UPDATE cart_item_added SET currency = 'GBP', unit_price_cents = round(unit_price_cents * r.rate)::BIGINT
FROM rates r WHERE r.currency = 'GBP' AND cart_item_added.pos = (
  SELECT max(pos) FROM cart_item_added WHERE session_id = (
    SELECT session_id FROM cart_item_added ANTI JOIN order_placed USING (session_id) WHERE currency = 'EUR'
    GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1));

-- plant: a campaign brings a customer a week after its end
-- seen by: a campaign brings a session on a day, or a flash sale in an hour, that is not its own
UPDATE session_started SET campaign = 'two-days'
WHERE pos = (SELECT max(pos) FROM session_started WHERE customer_id IS NOT NULL);

-- plant: a campaign brings someone without a name a week after its end
-- seen by: a campaign brings a session on a day, or a flash sale in an hour, that is not its own
UPDATE session_started SET campaign = 'two-days'
WHERE pos = (SELECT max(pos) FROM session_started WHERE customer_id IS NULL);

-- plant: a flash sale brings someone before it begins
-- seen by: a campaign brings a session on a day, or a flash sale in an hour, that is not its own
UPDATE session_started SET campaign = 'an-evening' WHERE pos = (SELECT min(pos) FROM session_started);

-- == Orders ==

-- plant: an order comes without a completed checkout
-- seen by: an order is not that of its session's checkout and customer
DELETE FROM checkout_completed WHERE pos = (SELECT min(pos) FROM checkout_completed);

-- plant: an order comes in the millisecond of its checkout
-- seen by: an order is not that of its session's checkout and customer
UPDATE checkout_completed SET occurred_at_ms = o.occurred_at_ms FROM order_placed o
WHERE o.session_id = checkout_completed.session_id AND checkout_completed.pos = (SELECT min(pos) FROM checkout_completed);

-- plant: someone orders in the session of another
-- seen by: an order is not that of its session's checkout and customer
UPDATE session_started SET customer_id = r.customer_id
FROM (FROM customer_registered ANTI JOIN customer_deactivated USING (customer_id)
  ANTI JOIN order_placed USING (customer_id) ORDER BY pos LIMIT 1) r
WHERE session_started.session_id = (SELECT min_by(session_id, pos) FROM order_placed);

-- plant: an order's id comes again, with no lines
-- seen by: two orders have one id or one session
INSERT INTO order_placed SELECT * REPLACE (lines[1:0] AS lines) FROM order_placed ORDER BY pos LIMIT 1;

-- plant: a session orders twice, the second time nothing
-- seen by: two orders have one id or one session
INSERT INTO checkout_completed SELECT * REPLACE ('twice' AS order_id) FROM checkout_completed ORDER BY pos LIMIT 1;
INSERT INTO order_placed SELECT * REPLACE ('twice' AS order_id, lines[1:0] AS lines) FROM order_placed
WHERE session_id = (SELECT session_id FROM checkout_completed WHERE order_id = 'twice');

-- plant: one more goes into the cart than is ordered
-- seen by: an order's lines are not its cart
UPDATE cart_item_added SET quantity = quantity + 1
WHERE pos = (SELECT min(pos) FROM carts JOIN cart_item_added USING (session_id, product_id) SEMI JOIN order_placed USING (session_id));

-- plant: an item is ordered that was taken out of the cart before the till
-- seen by: an order's lines are not its cart
INSERT INTO cart_item_removed
SELECT r.* REPLACE (c.pos - 1 AS pos, c.occurred_at_ms - 2 AS occurred_at_ms, l.session_id AS session_id, l.product_id AS product_id)
FROM order_lines l JOIN checkout_started c USING (session_id), (FROM cart_item_removed LIMIT 1) r
WHERE l.session_id IN (SELECT session_id FROM order_placed WHERE len(lines) > 1) ORDER BY l.pos, l.product_id LIMIT 1;

-- plant: the subtotal is a cent more than the lines, the total as it was
-- seen by: an order's sums do not add up
UPDATE order_placed SET subtotal_cents = subtotal_cents + 1, tax_cents = tax_cents - 1 WHERE pos = (SELECT min(pos) FROM order_placed);

-- plant: a tax is a cent higher than the total allows
-- seen by: an order's sums do not add up
UPDATE order_placed SET tax_cents = tax_cents + 1 WHERE pos = (SELECT min(pos) FROM order_placed);

-- plant: a discount is higher than the goods are worth, the total as it was
-- seen by: an order's sums do not add up
UPDATE order_placed SET discount_cents = subtotal_cents + 1, tax_cents = tax_cents + subtotal_cents + 1 - discount_cents
WHERE pos = (SELECT min(pos) FROM order_placed);

-- plant: an order is cancelled that nobody placed
-- seen by: something happens to an order that is not placed
INSERT INTO order_cancelled SELECT * REPLACE ('nobody''s' AS order_id) FROM order_cancelled ORDER BY pos LIMIT 1;

-- plant: an order is placed after it was paid
-- seen by: something happens to an order that is not placed
UPDATE order_placed SET occurred_at_ms = a.occurred_at_ms FROM payment_authorised a
WHERE a.order_id = order_placed.order_id AND order_placed.pos = (SELECT min(pos) FROM order_placed SEMI JOIN payment_authorised USING (order_id));

-- plant: a payment is captured from someone else
-- seen by: something happens to an order that is not placed
UPDATE payment_captured SET customer_id = r.customer_id
FROM (FROM customer_registered ANTI JOIN order_placed USING (customer_id) ORDER BY pos LIMIT 1) r
WHERE payment_captured.pos = (SELECT min(pos) FROM payment_captured);

-- plant: an order is in another currency than its customer's
-- seen by: an order, its cart, its customer and its payments differ in currency
UPDATE order_placed SET currency = 'GBP' WHERE pos = (SELECT min(pos) FROM order_placed WHERE currency = 'EUR');

-- plant: a payment is captured in another currency than that of the order
-- seen by: an order, its cart, its customer and its payments differ in currency
UPDATE payment_captured SET currency = 'GBP' WHERE pos = (SELECT min(pos) FROM payment_captured WHERE currency = 'EUR');

-- plant: a refund does not say its currency
-- seen by: an order, its cart, its customer and its payments differ in currency
UPDATE payment_refunded SET currency = NULL WHERE pos = (SELECT min(pos) FROM payment_refunded);

-- == Payments ==

-- plant: a declined payment was a cent too high
-- seen by: a payment attempt is not over the order's total
UPDATE payment_declined SET amount_cents = amount_cents + 1 WHERE pos = (SELECT min(pos) FROM payment_declined);

-- plant: two attempts have one payment id
-- seen by: an attempt repeats a payment id, or follows one that was authorised
UPDATE payment_declined SET payment_id = (SELECT min_by(payment_id, pos) FROM payment_authorised)
WHERE pos = (SELECT min(pos) FROM payment_declined);

-- plant: after a payment was authorised, the next is declined
-- seen by: an attempt repeats a payment id, or follows one that was authorised
UPDATE payment_declined SET pos = a.pos + 1 FROM payment_authorised a
WHERE a.order_id = payment_declined.order_id
  AND payment_declined.pos = (SELECT min(pos) FROM payment_declined SEMI JOIN payment_authorised USING (order_id));

-- plant: a cent more is captured than was authorised
-- seen by: more is captured than was authorised, or before it, or twice
UPDATE payment_captured SET amount_cents = amount_cents + 1 WHERE pos = (SELECT min(pos) FROM payment_captured);

-- plant: a payment is captured in the millisecond in which it is authorised
-- seen by: more is captured than was authorised, or before it, or twice
UPDATE payment_captured SET occurred_at_ms = a.occurred_at_ms FROM payment_authorised a
WHERE a.payment_id = payment_captured.payment_id AND payment_captured.pos = (SELECT min(pos) FROM payment_captured);

-- plant: a payment is captured twice
-- seen by: more is captured than was authorised, or before it, or twice
INSERT INTO payment_captured FROM payment_captured ORDER BY pos LIMIT 1;

-- plant: a payment is captured that was declined
-- seen by: more is captured than was authorised, or before it, or twice
UPDATE payment_captured SET payment_id = (SELECT min_by(payment_id, pos) FROM payment_declined)
WHERE pos = (SELECT min(pos) FROM payment_captured ANTI JOIN money_back USING (payment_id));

-- plant: one order is paid with the payment of another
-- seen by: more is captured than was authorised, or before it, or twice
UPDATE payment_captured SET payment_id = (SELECT max_by(payment_id, amount_cents) FROM payment_authorised ANTI JOIN money_back USING (payment_id))
WHERE pos = (SELECT max(pos) FROM payment_captured ANTI JOIN money_back USING (payment_id));

-- plant: a refund of a payment that nobody made
-- seen by: money goes back that was not captured, or not yet, or for another order
UPDATE payment_refunded SET payment_id = 'nobody''s' WHERE pos = (SELECT min(pos) FROM payment_refunded);

-- plant: money goes back in the millisecond in which it comes
-- seen by: money goes back that was not captured, or not yet, or for another order
UPDATE payment_refunded SET occurred_at_ms = c.occurred_at_ms FROM payment_captured c
WHERE c.payment_id = payment_refunded.payment_id
  AND payment_refunded.pos = (SELECT min(pos) FROM payment_refunded ANTI JOIN order_returned USING (order_id));

-- plant: a refund for another order of the same customer
-- seen by: money goes back that was not captured, or not yet, or for another order
UPDATE payment_refunded SET order_id = o.order_id FROM order_placed o
WHERE o.customer_id = payment_refunded.customer_id AND o.order_id <> payment_refunded.order_id
  AND o.order_id NOT IN (SELECT order_id FROM order_returned) AND o.occurred_at_ms < payment_refunded.occurred_at_ms;

-- plant: a cent more is refunded than was captured
-- seen by: refunds of a payment sum to more than was captured, or to nothing
UPDATE payment_refunded SET amount_cents = c.amount_cents + 1 FROM payment_captured c
WHERE c.payment_id = payment_refunded.payment_id AND payment_refunded.pos = (SELECT min(pos) FROM payment_refunded);

-- plant: nothing is refunded
-- seen by: refunds of a payment sum to more than was captured, or to nothing
UPDATE payment_refunded SET amount_cents = 0 WHERE pos = (SELECT min(pos) FROM payment_refunded);

-- plant: the bank takes back what nobody paid
-- seen by: the bank takes back a payment that was not captured, or twice, or of another order
UPDATE payment_charged_back SET payment_id = 'nobody''s' WHERE pos = (SELECT min(pos) FROM payment_charged_back);

-- plant: the bank takes back in the millisecond in which the money comes
-- seen by: the bank takes back a payment that was not captured, or twice, or of another order
UPDATE payment_charged_back SET occurred_at_ms = c.occurred_at_ms FROM payment_captured c
WHERE c.payment_id = payment_charged_back.payment_id
  AND payment_charged_back.pos = (SELECT min(pos) FROM payment_charged_back);

-- plant: the bank takes back the payment of another order of the same customer
-- seen by: the bank takes back a payment that was not captured, or twice, or of another order
UPDATE payment_charged_back SET order_id = o.order_id FROM order_placed o
WHERE o.customer_id = payment_charged_back.customer_id AND o.order_id <> payment_charged_back.order_id
  AND o.occurred_at_ms < payment_charged_back.occurred_at_ms;

-- plant: the bank takes back a cent of a payment, and again
-- seen by: the bank takes back a payment that was not captured, or twice, or of another order
UPDATE payment_charged_back SET amount_cents = 1 WHERE pos = (SELECT min(pos) FROM payment_charged_back);
INSERT INTO payment_charged_back FROM payment_charged_back ORDER BY pos LIMIT 1;

-- plant: the bank takes back a cent more than there was
-- seen by: what the bank took back and what was refunded sum to more than was captured
UPDATE payment_charged_back SET amount_cents = amount_cents + 1 WHERE pos = (SELECT min(pos) FROM payment_charged_back);

-- plant: an order that was delivered is cancelled on request
-- seen by: a cancelled order is captured, shipped or cancelled again
INSERT INTO order_cancelled
SELECT c.* REPLACE (d.pos AS pos, d.occurred_at_ms AS occurred_at_ms, d.order_id AS order_id, d.customer_id AS customer_id)
FROM order_delivered d, (FROM order_cancelled WHERE reason = 'requested' LIMIT 1) c ORDER BY d.pos LIMIT 1;

-- plant: an order is cancelled twice
-- seen by: a cancelled order is captured, shipped or cancelled again
INSERT INTO order_cancelled SELECT * REPLACE (pos + 1 AS pos) FROM order_cancelled ORDER BY pos LIMIT 1;

-- plant: an order that was paid is cancelled because it was not
-- seen by: an order is cancelled for a failed payment while one was authorised, or before the last attempt
UPDATE order_cancelled SET reason = 'payment_failed' WHERE pos = (SELECT min(pos) FROM order_cancelled WHERE reason = 'requested');

-- plant: an order is cancelled before anyone tried to pay it
-- seen by: an order is cancelled for a failed payment while one was authorised, or before the last attempt
UPDATE order_cancelled SET occurred_at_ms = o.occurred_at_ms + 2 FROM order_placed o
WHERE o.order_id = order_cancelled.order_id AND order_cancelled.pos = (SELECT min(pos) FROM order_cancelled);

-- == Fulfilment ==

-- plant: a parcel leaves that was not paid
-- seen by: a parcel leaves before the money came
DELETE FROM payment_captured WHERE pos = (
  SELECT min(pos) FROM payment_captured SEMI JOIN order_shipped USING (order_id) ANTI JOIN money_back USING (payment_id));

-- plant: a parcel leaves in the millisecond in which it is paid
-- seen by: a parcel leaves before the money came
UPDATE order_shipped SET occurred_at_ms = c.occurred_at_ms FROM payment_captured c
WHERE c.order_id = order_shipped.order_id AND order_shipped.pos = (SELECT min(pos) FROM order_shipped);

-- plant: a parcel arrives that nobody sent
-- seen by: a parcel arrives that did not leave
UPDATE order_delivered SET shipment_id = 'nobody''s' WHERE pos = (
  SELECT min(pos) FROM order_delivered ANTI JOIN order_returned USING (order_id));

-- plant: a parcel arrives in the millisecond in which it leaves
-- seen by: a parcel arrives that did not leave
UPDATE order_delivered SET occurred_at_ms = s.occurred_at_ms FROM order_shipped s
WHERE s.order_id = order_delivered.order_id AND order_delivered.pos = (SELECT min(pos) FROM order_delivered);

-- plant: a parcel comes back that nobody got
-- seen by: a parcel comes back that did not arrive
UPDATE order_returned SET shipment_id = 'nobody''s' WHERE pos = (SELECT min(pos) FROM order_returned);

-- plant: a parcel comes back in the millisecond in which it arrives
-- seen by: a parcel comes back that did not arrive
UPDATE order_returned SET occurred_at_ms = d.occurred_at_ms FROM order_delivered d
WHERE d.order_id = order_returned.order_id AND order_returned.pos = (SELECT min(pos) FROM order_returned);

-- plant: money goes back in the millisecond in which the parcel does
-- seen by: money goes back for a return that has not happened
UPDATE payment_refunded SET occurred_at_ms = r.occurred_at_ms FROM order_returned r
WHERE r.order_id = payment_refunded.order_id
  AND payment_refunded.pos = (SELECT min(pos) FROM payment_refunded SEMI JOIN order_returned USING (order_id));

-- plant: a parcel that is kept and not reviewed arrives on the Sunday after
-- seen by: a parcel arrives on a Sunday or a holiday on which none are delivered
UPDATE order_delivered SET occurred_at_ms = occurred_at_ms
  + (7 - isodow(epoch_ms(occurred_at_ms))) * 86400000 - occurred_at_ms % 86400000 + 43200000
WHERE pos = (SELECT min(pos) FROM order_delivered ANTI JOIN order_returned USING (order_id)
  ANTI JOIN review_submitted USING (order_id) WHERE isodow(epoch_ms(occurred_at_ms)) BETWEEN 2 AND 5);

-- plant: the day of the first delivery was a holiday there
-- seen by: a parcel arrives on a Sunday or a holiday on which none are delivered
INSERT INTO holidays
SELECT r.country, local_day(d.occurred_at_ms, zone)
FROM order_delivered d JOIN customer_registered r USING (customer_id) JOIN countries USING (country)
ORDER BY d.pos LIMIT 1;

-- == Stock ==

-- plant: a product that sells is never delivered to a warehouse
-- seen by: a warehouse holds less than nothing, or less than it promised
DELETE FROM stock_received USING (FROM stock_shipped ORDER BY pos LIMIT 1) s
WHERE stock_received.product_id = s.product_id AND stock_received.warehouse_id = s.warehouse_id;

-- plant: a warehouse gets fewer units than it promises at most
-- seen by: a warehouse holds less than nothing, or less than it promised
UPDATE stock_received SET quantity = 1 WHERE (product_id, warehouse_id) = (
  SELECT (product_id, warehouse_id) FROM stock_reserved GROUP BY product_id, warehouse_id
  ORDER BY sum(quantity) DESC, product_id, warehouse_id LIMIT 1);

-- plant: stock is reserved after it left
-- seen by: a warehouse holds less than nothing, or less than it promised
UPDATE stock_reserved SET pos = s.pos + 1 FROM (
  FROM stock_shipped WHERE (product_id, warehouse_id) IN (
    SELECT (product_id, warehouse_id) FROM stock_reserved GROUP BY ALL HAVING count(*) = 1) ORDER BY pos LIMIT 1) s
WHERE s.order_id = stock_reserved.order_id AND s.product_id = stock_reserved.product_id;

-- plant: stock is reserved twice for a line
-- seen by: stock is reserved that is not in the order, or a line is not reserved
INSERT INTO stock_received SELECT * REPLACE (1 AS quantity) FROM (
  SELECT g.* REPLACE (r.pos - 1 AS pos, r.product_id AS product_id, r.warehouse_id AS warehouse_id)
  FROM (FROM stock_reserved WHERE quantity = 1 ORDER BY pos LIMIT 1) r, (FROM stock_received LIMIT 1) g);
INSERT INTO stock_reserved FROM stock_reserved WHERE quantity = 1 ORDER BY pos LIMIT 1;

-- plant: stock of an open order is not reserved
-- seen by: stock is reserved that is not in the order, or a line is not reserved
DELETE FROM stock_reserved WHERE pos = (SELECT max(pos) FROM stock_reserved ANTI JOIN stock_shipped USING (order_id)
  ANTI JOIN stock_released USING (order_id) WHERE occurred_at_ms < (SELECT max(occurred_at_ms) - 60000 FROM happened));

-- plant: a parcel holds one unit less than was reserved
-- seen by: stock leaves or is released that was not reserved
UPDATE stock_shipped SET quantity = quantity - 1 WHERE pos = (
  SELECT min(pos) FROM stock_shipped ANTI JOIN stock_returned USING (order_id) WHERE quantity > 1);

-- plant: one unit less is released than was reserved
-- seen by: stock leaves or is released that was not reserved
UPDATE stock_released SET quantity = quantity - 1 WHERE pos = (SELECT min(pos) FROM stock_released WHERE quantity > 1);

-- plant: one unit more comes back than was shipped
-- seen by: stock comes back that was not shipped
UPDATE stock_returned SET quantity = quantity + 1 WHERE pos = (SELECT min(pos) FROM stock_returned);

-- plant: stock leaves in the millisecond in which the parcel does
-- seen by: stock moves before the event that moves it
UPDATE stock_shipped SET occurred_at_ms = c.occurred_at_ms FROM order_shipped c
WHERE c.order_id = stock_shipped.order_id AND stock_shipped.pos = (SELECT min(pos) FROM stock_shipped);

-- plant: stock is released in the millisecond in which the order is cancelled
-- seen by: stock moves before the event that moves it
UPDATE stock_released SET occurred_at_ms = c.occurred_at_ms FROM order_cancelled c
WHERE c.order_id = stock_released.order_id AND stock_released.pos = (SELECT min(pos) FROM stock_released);

-- plant: stock is back in the millisecond in which the parcel comes back
-- seen by: stock moves before the event that moves it
UPDATE stock_returned SET occurred_at_ms = c.occurred_at_ms FROM order_returned c
WHERE c.order_id = stock_returned.order_id AND stock_returned.pos = (SELECT min(pos) FROM stock_returned);

-- == Reviews ==

-- plant: someone reviews a parcel that did not arrive
-- seen by: someone reviews what they did not receive
DELETE FROM order_delivered WHERE order_id = (
  SELECT min(order_id) FROM review_submitted ANTI JOIN order_returned USING (order_id));

-- plant: someone reviews in the millisecond in which the parcel arrives
-- seen by: someone reviews what they did not receive
UPDATE review_submitted SET occurred_at_ms = d.occurred_at_ms FROM order_delivered d
WHERE d.order_id = review_submitted.order_id AND review_submitted.pos = (SELECT min(pos) FROM review_submitted);

-- plant: someone reviews a product that they did not order
-- seen by: someone reviews what they did not receive
UPDATE review_submitted SET product_id = (SELECT min_by(product_id, pos) FROM product_launched WHERE product_id NOT IN (
  SELECT product_id FROM order_lines WHERE order_lines.order_id = review_submitted.order_id))
WHERE pos = (SELECT min(pos) FROM review_submitted ANTI JOIN review_removed USING (review_id));

-- plant: someone reviews what another ordered
-- seen by: someone reviews what they did not receive
-- seen by: something happens to an order that is not placed
UPDATE review_submitted SET customer_id = r.customer_id
FROM (FROM customer_registered ANTI JOIN order_placed USING (customer_id) ORDER BY pos LIMIT 1) r
WHERE review_submitted.pos = (SELECT min(pos) FROM review_submitted ANTI JOIN review_removed USING (review_id));

-- plant: someone reviews the same line again
-- seen by: a line of an order is reviewed twice
INSERT INTO review_submitted SELECT * REPLACE ('again' AS review_id) FROM review_submitted ORDER BY pos LIMIT 1;

-- plant: a review is removed that nobody wrote
-- seen by: a removed review was not there, or counted otherwise
UPDATE review_removed SET review_id = 'nobody''s' WHERE pos = (SELECT min(pos) FROM review_removed);

-- plant: a review is removed in the millisecond in which it comes
-- seen by: a removed review was not there, or counted otherwise
UPDATE review_removed SET occurred_at_ms = r.occurred_at_ms FROM review_submitted r
WHERE r.review_id = review_removed.review_id AND review_removed.pos = (SELECT min(pos) FROM review_removed);

-- plant: a removed review had a star more
-- seen by: a removed review was not there, or counted otherwise
UPDATE review_removed SET rating = rating % 5 + 1 WHERE pos = (SELECT min(pos) FROM review_removed);

-- plant: a removed review was of another product
-- seen by: a removed review was not there, or counted otherwise
UPDATE review_removed SET product_id = (SELECT min_by(product_id, pos) FROM product_launched)
WHERE pos = (SELECT min(pos) FROM review_removed WHERE product_id <> (SELECT min_by(product_id, pos) FROM product_launched));

-- plant: a removed review was someone else's
-- seen by: a removed review was not there, or counted otherwise
UPDATE review_removed SET customer_id = (SELECT min_by(customer_id, pos) FROM customer_registered)
WHERE pos = (SELECT min(pos) FROM review_removed WHERE customer_id <> (SELECT min_by(customer_id, pos) FROM customer_registered));

-- plant: a review is removed twice
-- seen by: a removed review was not there, or counted otherwise
INSERT INTO review_removed SELECT * REPLACE (pos + 1 AS pos) FROM review_removed ORDER BY pos LIMIT 1;
