-- Folds that more than one store uses. `ev_<topic>` has one row per valid event, with kafka_partition and
-- kafka_offset. arg_max(value, kafka_offset) skips nulls, so it is "the last value that is not null".

CREATE MACRO utc(ms) AS epoch_ms(ms);
CREATE MACRO iso(ms) AS strftime(epoch_ms(ms), '%Y-%m-%dT%H:%M:%S.%gZ');

-- Whether the key belongs to the current group of keys (`verify/key_ranges.py`). Always true without groups.
CREATE MACRO in_share(key) AS coalesce(hash(key) % getvariable('shares') = getvariable('share'), TRUE);

-- A text as JSON in the format of Python's encoder. DuckDB's own encoder writes `\u001F` instead of `\u001f`.
CREATE MACRO json_text(s) AS '"' || CASE
    WHEN regexp_matches(s, '[\x01-\x1f"\\]') THEN list_aggregate(
        list_transform(string_split(s, ''), LAMBDA c: CASE
            WHEN c IN ('"', '\') THEN '\' || c
            WHEN unicode(c) = 8 THEN '\b'
            WHEN unicode(c) = 9 THEN '\t'
            WHEN unicode(c) = 10 THEN '\n'
            WHEN unicode(c) = 12 THEN '\f'
            WHEN unicode(c) = 13 THEN '\r'
            WHEN unicode(c) < 32 THEN '\u' || printf('%04x', unicode(c))
            ELSE c
        END), 'string_agg', ''
    )
    ELSE s
END || '"';

-- The checkpoint of an item as JSON: source partition -> offset of the last folded event.
CREATE MACRO folded_text(sources, offsets) AS '{' || list_aggregate(
    list_sort(list_transform(list_zip(sources, offsets), LAMBDA pair: '"' || pair[1] || '":' || pair[2])), 'string_agg', ','
) || '}';

CREATE MACRO order_status(event) AS CASE event
    WHEN 'order_placed' THEN 'placed'
    WHEN 'payment_authorised' THEN 'authorised'
    WHEN 'payment_captured' THEN 'paid'
    WHEN 'order_shipped' THEN 'shipped'
    WHEN 'order_delivered' THEN 'delivered'
    WHEN 'order_returned' THEN 'returned'
    WHEN 'payment_refunded' THEN 'refunded'
    WHEN 'payment_charged_back' THEN 'charged_back'
    WHEN 'order_cancelled' THEN 'cancelled'
END;

CREATE VIEW fold_customers AS
SELECT
    customer_id,
    arg_max(name, kafka_offset) AS name,
    arg_max(email, kafka_offset) AS email,
    arg_max(segment, kafka_offset) AS segment,
    arg_max(street, kafka_offset) AS street,
    arg_max(postcode, kafka_offset) AS postcode,
    arg_max(city, kafka_offset) AS city,
    arg_max(country, kafka_offset) AS country,
    arg_max(currency, kafka_offset) AS currency,
    arg_max(marketing_opt_in, kafka_offset) AS marketing_opt_in,
    arg_max(
        CASE type
            WHEN 'customer_registered' THEN 'active'
            WHEN 'customer_reactivated' THEN 'active'
            WHEN 'customer_deactivated' THEN 'churned'
        END, kafka_offset
    ) AS status,
    arg_max(occurred_at_ms, kafka_offset) FILTER (type = 'customer_registered') AS registered_at_ms,
    arg_max(occurred_at_ms, kafka_offset) AS updated_at_ms
FROM ev_customers
WHERE in_share(customer_id)
GROUP BY customer_id;

CREATE VIEW fold_products AS
SELECT
    product_id,
    arg_max(name, kafka_offset) AS name,
    arg_max(category, kafka_offset) AS category,
    arg_max(price_cents, kafka_offset) AS price_cents,
    arg_max(currency, kafka_offset) AS currency,
    arg_max(model_id, kafka_offset) AS model_id,
    arg_max(variant, kafka_offset) AS variant,
    arg_max(
        CASE type
            WHEN 'product_launched' THEN 'on_sale'
            WHEN 'product_discontinued' THEN 'discontinued'
        END, kafka_offset
    ) AS status,
    arg_max(occurred_at_ms, kafka_offset) FILTER (type = 'product_launched') AS launched_at_ms,
    arg_max(occurred_at_ms, kafka_offset) AS updated_at_ms
FROM ev_products
WHERE in_share(product_id)
GROUP BY product_id;

-- One row per line of every order_placed, line_no from 1.
CREATE VIEW order_lines AS
SELECT order_id, customer_id, kafka_offset, line_no, line.product_id, line.quantity, line.unit_price_cents
FROM (
    SELECT order_id, customer_id, kafka_offset, unnest(lines) AS line, generate_subscripts(lines, 1) AS line_no
    FROM ev_orders
    WHERE type = 'order_placed'
);
