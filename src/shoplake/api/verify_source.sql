-- The expected answers of the API for one group of keys, from the expected documents of MongoDB and rows of Postgres.
-- Times are texts, as in JSON; an average is in thousandths. `unknown_fields` is null: an answer has no other fields.

CREATE OR REPLACE VIEW fold_api_customers AS
SELECT * EXCLUDE (_id, folded, rev, generation), _id AS customer_id
FROM fold_mongo_customers;

CREATE OR REPLACE VIEW fold_api_products AS
SELECT
    * EXCLUDE (_id, folded, rev, generation, "ratings.1", "ratings.2", "ratings.3", "ratings.4", "ratings.5"),
    _id AS product_id,
    "ratings.1" AS "ratings.stars.1",
    "ratings.2" AS "ratings.stars.2",
    "ratings.3" AS "ratings.stars.3",
    "ratings.4" AS "ratings.stars.4",
    "ratings.5" AS "ratings.stars.5",
    CASE
        WHEN "ratings.count" > 0 THEN (2000 * "ratings.sum" + "ratings.count") // (2 * "ratings.count")
    END AS "ratings.average"
FROM fold_mongo_products;

CREATE OR REPLACE VIEW fold_api_orders AS
SELECT
    * EXCLUDE (placed_at, updated_at),
    NULL::VARCHAR AS unknown_fields,
    iso(epoch_ms(placed_at)) AS placed_at,
    iso(epoch_ms(updated_at)) AS updated_at
FROM fold_postgres_orders;

CREATE OR REPLACE VIEW fold_api_items AS
SELECT *, NULL::VARCHAR AS unknown_fields
FROM fold_postgres_order_items;

CREATE OR REPLACE VIEW fold_api_payments AS
SELECT * EXCLUDE (updated_at), NULL::VARCHAR AS unknown_fields, iso(epoch_ms(updated_at)) AS updated_at
FROM fold_postgres_payments;

CREATE OR REPLACE VIEW fold_api_shipments AS
SELECT
    * EXCLUDE (shipped_at, delivered_at, returned_at, updated_at),
    NULL::VARCHAR AS unknown_fields,
    iso(epoch_ms(shipped_at)) AS shipped_at,
    iso(epoch_ms(delivered_at)) AS delivered_at,
    iso(epoch_ms(returned_at)) AS returned_at,
    iso(epoch_ms(updated_at)) AS updated_at
FROM fold_postgres_shipments;
