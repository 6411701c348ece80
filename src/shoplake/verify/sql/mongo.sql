-- The expected documents of the two MongoDB collections for one group of keys, with a column per field
-- (`section.field`). All fields of a section without events are null; a section with events has all of its numbers.

CREATE OR REPLACE VIEW fold_mongo_customers AS
WITH orders AS (
    SELECT
        customer_id,
        count(*) FILTER (type = 'order_placed') AS placed,
        count(*) FILTER (type = 'order_cancelled') AS cancelled,
        count(*) FILTER (type = 'order_returned') AS returned,
        sum(CASE type
            WHEN 'payment_captured' THEN amount_cents
            WHEN 'payment_refunded' THEN -amount_cents
            WHEN 'payment_charged_back' THEN -amount_cents
            ELSE 0
        END)::BIGINT AS spent_cents,
        arg_max(order_id, kafka_offset) FILTER (type = 'order_placed') AS last_order_id,
        arg_max(occurred_at_ms, kafka_offset) FILTER (type = 'order_placed') AS last_order_at_ms
    FROM ev_orders
    WHERE in_share(customer_id)
    GROUP BY customer_id
),

reviews AS (
    SELECT
        customer_id,
        sum(CASE type WHEN 'review_submitted' THEN 1 ELSE -1 END)::BIGINT AS count,
        sum(CASE type WHEN 'review_submitted' THEN rating ELSE -rating END)::BIGINT AS rating_sum
    FROM ev_reviews
    WHERE in_share(customer_id)
    GROUP BY customer_id
),

folded AS (
    SELECT customer_id, folded_text(list(source), list(kafka_offset)) AS folded
    FROM (
        SELECT customer_id, 'customers-' || kafka_partition AS source, max(kafka_offset) AS kafka_offset
        FROM ev_customers
        WHERE in_share(customer_id)
        GROUP BY ALL
        UNION ALL
        SELECT customer_id, 'orders-' || kafka_partition AS source, max(kafka_offset) AS kafka_offset
        FROM ev_orders
        WHERE in_share(customer_id)
        GROUP BY ALL
        UNION ALL
        SELECT customer_id, 'reviews-' || kafka_partition AS source, max(kafka_offset) AS kafka_offset
        FROM ev_reviews
        WHERE in_share(customer_id)
        GROUP BY ALL
    )
    GROUP BY customer_id
)

SELECT
    customer_id AS _id,
    c.name AS "profile.name",
    c.email AS "profile.email",
    c.segment AS "profile.segment",
    c.street AS "profile.street",
    c.postcode AS "profile.postcode",
    c.city AS "profile.city",
    c.country AS "profile.country",
    c.currency AS "profile.currency",
    c.marketing_opt_in AS "profile.marketing_opt_in",
    c.status AS "profile.status",
    o.placed AS "orders.placed",
    o.cancelled AS "orders.cancelled",
    o.returned AS "orders.returned",
    o.spent_cents AS "orders.spent_cents",
    o.last_order_id AS "orders.last_order_id",
    r.count AS "reviews.count",
    r.rating_sum AS "reviews.rating_sum",
    NULL::VARCHAR AS unknown_fields,
    f.folded,
    'a positive integer' AS rev,
    getvariable('generation')::BIGINT AS generation,
    iso(c.registered_at_ms) AS "profile.registered_at",
    iso(o.last_order_at_ms) AS "orders.last_order_at"
FROM fold_customers AS c
FULL JOIN orders AS o USING (customer_id)
FULL JOIN reviews AS r USING (customer_id)
LEFT JOIN folded AS f USING (customer_id);

CREATE OR REPLACE VIEW fold_mongo_products AS
WITH signed AS (
    SELECT product_id, rating, CASE type WHEN 'review_submitted' THEN 1 ELSE -1 END AS sign
    FROM ev_reviews
    WHERE in_share(product_id)
),

ratings AS (
    SELECT
        product_id,
        sum(sign * (rating = 1)::INT)::BIGINT AS "1",
        sum(sign * (rating = 2)::INT)::BIGINT AS "2",
        sum(sign * (rating = 3)::INT)::BIGINT AS "3",
        sum(sign * (rating = 4)::INT)::BIGINT AS "4",
        sum(sign * (rating = 5)::INT)::BIGINT AS "5",
        sum(sign)::BIGINT AS count,
        sum(sign * rating)::BIGINT AS sum
    FROM signed
    GROUP BY product_id
),

folded AS (
    SELECT product_id, folded_text(list(source), list(kafka_offset)) AS folded
    FROM (
        SELECT product_id, 'products-' || kafka_partition AS source, max(kafka_offset) AS kafka_offset
        FROM ev_products
        WHERE in_share(product_id)
        GROUP BY ALL
        UNION ALL
        SELECT product_id, 'reviews-' || kafka_partition AS source, max(kafka_offset) AS kafka_offset
        FROM ev_reviews
        WHERE in_share(product_id)
        GROUP BY ALL
    )
    GROUP BY product_id
)

SELECT
    product_id AS _id,
    p.name,
    p.category,
    p.price_cents,
    p.currency,
    p.model_id,
    p.variant,
    p.status,
    r."1" AS "ratings.1",
    r."2" AS "ratings.2",
    r."3" AS "ratings.3",
    r."4" AS "ratings.4",
    r."5" AS "ratings.5",
    r.count AS "ratings.count",
    r.sum AS "ratings.sum",
    NULL::VARCHAR AS unknown_fields,
    f.folded,
    'a positive integer' AS rev,
    getvariable('generation')::BIGINT AS generation,
    iso(p.launched_at_ms) AS launched_at
FROM fold_products AS p
FULL JOIN ratings AS r USING (product_id)
LEFT JOIN folded AS f USING (product_id);
