-- The expected rows of the two DynamoDB tables for one group of keys. `unknown_fields` contains attributes that are not
-- in docs/data-model.md: it must be empty.

-- The events of the sessions; `dynamodb_removals.py` folds parts of them.
CREATE OR REPLACE VIEW session_events AS
SELECT * FROM ev_clicks;

CREATE OR REPLACE VIEW fold_dynamodb_sessions AS
WITH share_of_clicks AS NOT MATERIALIZED (
    SELECT * FROM session_events WHERE in_share(session_id)
),

-- A cart contains the first 1,000 additions of a session (docs/data-model.md, limits).
additions AS (
    SELECT session_id, product_id, quantity, unit_price_cents, kafka_offset
    FROM share_of_clicks
    WHERE type = 'cart_item_added'
    QUALIFY row_number() OVER (PARTITION BY session_id ORDER BY kafka_offset) <= 1000
),

removals AS (
    SELECT session_id, product_id, max(kafka_offset) AS removed_at
    FROM share_of_clicks
    WHERE type = 'cart_item_removed'
    GROUP BY session_id, product_id
),

cart_lines AS (
    SELECT
        a.session_id,
        a.product_id,
        sum(a.quantity)::BIGINT AS quantity,
        arg_max(a.unit_price_cents, a.kafka_offset) AS unit_price_cents
    FROM additions AS a
    LEFT JOIN removals AS r ON r.session_id = a.session_id AND r.product_id = a.product_id
    WHERE a.kafka_offset > coalesce(r.removed_at, -1)
    GROUP BY a.session_id, a.product_id
),

carts AS (
    SELECT
        session_id,
        '{' || string_agg(
            json_text(product_id) || ':'
            || json_object('quantity', quantity, 'unit_price_cents', unit_price_cents)::VARCHAR,
            ',' ORDER BY product_id
        ) || '}' AS cart
    FROM cart_lines
    GROUP BY session_id
),

sessions AS (
    SELECT
        session_id AS pk,
        arg_max(customer_id, kafka_offset) AS customer_id,
        arg_max(device, kafka_offset) AS device,
        arg_max(referrer, kafka_offset) AS referrer,
        arg_max(campaign, kafka_offset) AS campaign,
        arg_max(currency, kafka_offset) AS currency,
        arg_max(occurred_at_ms, kafka_offset) FILTER (type = 'session_started') AS started_at,
        max(occurred_at_ms) AS last_event_at,
        count(*) FILTER (type IN ('page_viewed', 'product_viewed')) AS pages,
        count(*) FILTER (type = 'search_performed') AS searches,
        least(count(*) FILTER (type = 'cart_item_added'), 1000) AS additions,
        arg_max(
            CASE type
                WHEN 'session_started' THEN 'browsing'
                WHEN 'cart_item_added' THEN 'cart'
                WHEN 'checkout_started' THEN 'checkout'
                WHEN 'checkout_completed' THEN 'ordered'
            END, kafka_offset
        ) AS status,
        arg_max(order_id, kafka_offset) AS order_id
    FROM share_of_clicks
    GROUP BY session_id
),

folded AS (
    SELECT session_id, folded_text(list(source), list(kafka_offset)) AS folded
    FROM (
        SELECT session_id, 'clicks-' || kafka_partition AS source, max(kafka_offset) AS kafka_offset
        FROM share_of_clicks
        GROUP BY ALL
    )
    GROUP BY session_id
)

SELECT
    sessions.*,
    NULL::VARCHAR AS unknown_fields,
    folded.folded,
    'a positive integer' AS rev,
    getvariable('generation')::BIGINT AS generation,
    last_event_at // 1000 + 730 * 86400 AS expires_at,
    coalesce(carts.cart, '{}') AS cart
FROM sessions
LEFT JOIN carts ON carts.session_id = sessions.pk
LEFT JOIN folded ON folded.session_id = sessions.pk;

CREATE OR REPLACE VIEW fold_dynamodb_orders AS
WITH orders AS (
    SELECT
        customer_id AS pk,
        order_id AS sk,
        arg_max(order_status(type), kafka_offset) AS status,
        arg_max(occurred_at_ms, kafka_offset) FILTER (type = 'order_placed') AS placed_at,
        arg_max(total_cents, kafka_offset) AS total_cents,
        arg_max(currency, kafka_offset) FILTER (type = 'order_placed') AS currency,
        arg_max(list_sum(list_transform(lines, LAMBDA line: line.quantity)), kafka_offset)::BIGINT AS items,
        arg_max(occurred_at_ms, kafka_offset) AS updated_at
    FROM ev_orders
    WHERE in_share(order_id)
    GROUP BY customer_id, order_id
),

folded AS (
    SELECT pk, sk, folded_text(list(source), list(kafka_offset)) AS folded
    FROM (
        SELECT customer_id AS pk, order_id AS sk, 'orders-' || kafka_partition AS source,
            max(kafka_offset) AS kafka_offset
        FROM ev_orders
        WHERE in_share(order_id)
        GROUP BY ALL
    )
    GROUP BY ALL
)

SELECT
    orders.*,
    folded.folded,
    NULL::VARCHAR AS unknown_fields,
    'a positive integer' AS rev,
    getvariable('generation')::BIGINT AS generation
FROM orders
JOIN folded USING (pk, sk);
