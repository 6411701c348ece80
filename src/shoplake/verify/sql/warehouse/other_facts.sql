-- The expected facts from topics clicks, inventory and reviews, for one group of keys. All events of a key are in one
-- partition, and kafka_offset is their order. Columns are in the order of the data model, whatever ST06 wants.

CREATE OR REPLACE VIEW fold_warehouse_fct_sessions AS
WITH removed AS (
    SELECT session_id, product_id, max(kafka_offset) AS removed_at
    FROM warehouse.clicks
    WHERE type = 'cart_item_removed' AND in_share(session_id)
    GROUP BY session_id, product_id
),

carts AS (
    SELECT
        added.session_id,
        sum(added.quantity)::BIGINT AS units,
        sum(added.quantity * added.unit_price_cents)::BIGINT AS value_cents
    FROM warehouse.clicks AS added
    LEFT JOIN removed USING (session_id, product_id)
    WHERE added.type = 'cart_item_added' AND in_share(added.session_id)
        AND (removed.removed_at IS NULL OR removed.removed_at < added.kafka_offset)
    GROUP BY added.session_id
),

sessions AS (
    SELECT -- noqa: ST06
        session_id,
        arg_max(customer_id, kafka_offset) FILTER (type = 'session_started') AS customer_id,
        arg_max(device, kafka_offset) FILTER (type = 'session_started') AS device,
        arg_max(referrer, kafka_offset) FILTER (type = 'session_started') AS referrer,
        arg_max(campaign, kafka_offset) FILTER (type = 'session_started') AS campaign,
        utc(min(occurred_at_ms)) AS started_at,
        utc(max(occurred_at_ms)) AS ended_at,
        started_at::DATE AS started_on,
        count(*) FILTER (type = 'page_viewed') AS page_views,
        count(*) FILTER (type = 'search_performed') AS searches,
        count(*) FILTER (type = 'product_viewed') AS product_views,
        count(*) FILTER (type = 'cart_item_added') AS cart_adds,
        count(*) FILTER (type = 'cart_item_removed') AS cart_removals,
        CASE
            WHEN bool_or(type = 'checkout_completed') THEN 'ordered'
            WHEN bool_or(type = 'checkout_started') THEN 'checkout'
            WHEN bool_or(type = 'cart_item_added') THEN 'carted'
            WHEN bool_or(type = 'product_viewed') THEN 'viewed'
            ELSE 'visited'
        END AS step,
        arg_max(order_id, kafka_offset) FILTER (type = 'checkout_completed') AS order_id
    FROM warehouse.clicks
    WHERE in_share(session_id)
    GROUP BY session_id
)

SELECT -- noqa: ST06
    sessions.* EXCLUDE (step, order_id),
    coalesce(carts.units, 0) AS cart_units,
    coalesce(carts.value_cents, 0) AS cart_value_cents,
    sessions.step,
    sessions.order_id
FROM sessions
LEFT JOIN carts USING (session_id);

CREATE OR REPLACE VIEW fold_warehouse_fct_inventory_daily AS
WITH days AS (
    SELECT
        product_id,
        warehouse_id,
        utc(occurred_at_ms)::DATE AS moved_on,
        coalesce(sum(quantity) FILTER (type = 'stock_received'), 0)::BIGINT AS received,
        coalesce(sum(quantity) FILTER (type = 'stock_reserved'), 0)::BIGINT AS reserved,
        coalesce(sum(quantity) FILTER (type = 'stock_released'), 0)::BIGINT AS released,
        coalesce(sum(quantity) FILTER (type = 'stock_shipped'), 0)::BIGINT AS shipped,
        coalesce(sum(quantity) FILTER (type = 'stock_returned'), 0)::BIGINT AS returned
    FROM warehouse.inventory
    WHERE in_share(product_id)
    GROUP BY product_id, warehouse_id, moved_on
)

SELECT
    *,
    (sum(received + returned - shipped) OVER until_day)::BIGINT AS on_hand,
    (sum(reserved - released - shipped) OVER until_day)::BIGINT AS reserved_units
FROM days
WINDOW until_day AS (
    PARTITION BY product_id, warehouse_id ORDER BY moved_on ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
);

CREATE OR REPLACE VIEW fold_warehouse_fct_reviews AS
SELECT
    review_id,
    product_id,
    arg_max(customer_id, kafka_offset) AS customer_id,
    arg_max(order_id, kafka_offset) AS order_id,
    arg_max(rating, kafka_offset) FILTER (type = 'review_submitted') AS rating,
    arg_max(title, kafka_offset) AS title,
    arg_max(body, kafka_offset) AS body,
    arg_max(utc(occurred_at_ms), kafka_offset) FILTER (type = 'review_submitted') AS submitted_at,
    arg_max(utc(occurred_at_ms), kafka_offset) FILTER (type = 'review_removed') AS removed_at,
    arg_max(reason, kafka_offset) FILTER (type = 'review_removed') AS removal_reason,
    submitted_at IS NOT NULL AND removed_at IS NULL AS is_visible
FROM warehouse.reviews
WHERE in_share(review_id)
GROUP BY review_id, product_id;
