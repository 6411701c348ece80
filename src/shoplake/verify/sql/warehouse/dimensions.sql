-- The expected dimensions of the warehouse, type 2, for one group of keys. `warehouse.<topic>` has the events of the
-- build: those before its positions, each event id once. A version's place in its history is its event time.
-- DuckDB wants each name of a window once in a file.

CREATE OR REPLACE VIEW fold_warehouse_dim_customers AS
SELECT
    customer_id,
    row_number() OVER customer_history AS version,
    last_value(name IGNORE NULLS) OVER customer_history AS name,
    last_value(email IGNORE NULLS) OVER customer_history AS email,
    last_value(segment IGNORE NULLS) OVER customer_history AS segment,
    last_value(street IGNORE NULLS) OVER customer_history AS street,
    last_value(postcode IGNORE NULLS) OVER customer_history AS postcode,
    last_value(city IGNORE NULLS) OVER customer_history AS city,
    last_value(country IGNORE NULLS) OVER customer_history AS country,
    last_value(currency IGNORE NULLS) OVER customer_history AS currency,
    last_value(marketing_opt_in IGNORE NULLS) OVER customer_history AS marketing_opt_in,
    last_value(
        CASE type
            WHEN 'customer_registered' THEN 'active'
            WHEN 'customer_reactivated' THEN 'active'
            WHEN 'customer_deactivated' THEN 'churned'
        END IGNORE NULLS
    ) OVER customer_history AS status,
    utc(occurred_at_ms) AS valid_from,
    lead(utc(occurred_at_ms)) OVER customer_history AS valid_to,
    lead(occurred_at_ms) OVER customer_history IS NULL AS is_current
FROM warehouse.customers
WHERE in_share(customer_id)
WINDOW customer_history AS (
    PARTITION BY customer_id ORDER BY occurred_at_ms, kafka_offset
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
);

CREATE OR REPLACE VIEW fold_warehouse_dim_products AS
SELECT
    product_id,
    row_number() OVER product_history AS version,
    last_value(name IGNORE NULLS) OVER product_history AS name,
    last_value(category IGNORE NULLS) OVER product_history AS category,
    last_value(price_cents IGNORE NULLS) OVER product_history AS price_cents,
    last_value(currency IGNORE NULLS) OVER product_history AS currency,
    last_value(model_id IGNORE NULLS) OVER product_history AS model_id,
    last_value(variant IGNORE NULLS) OVER product_history AS variant,
    last_value(
        CASE type
            WHEN 'product_launched' THEN 'on_sale'
            WHEN 'product_discontinued' THEN 'discontinued'
        END IGNORE NULLS
    ) OVER product_history AS status,
    utc(occurred_at_ms) AS valid_from,
    lead(utc(occurred_at_ms)) OVER product_history AS valid_to,
    lead(occurred_at_ms) OVER product_history IS NULL AS is_current
FROM warehouse.products
WHERE in_share(product_id)
WINDOW product_history AS (
    PARTITION BY product_id ORDER BY occurred_at_ms, kafka_offset
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
);
