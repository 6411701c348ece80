-- The expected marts, from the expected dimensions and facts. Distinct keys are grouped before they are counted,
-- because DuckDB can spill groups to disk, but not the sets of `count(DISTINCT)`.

CREATE OR REPLACE TABLE expected.warehouse_revenue_daily AS
WITH moved AS (
    SELECT
        utc(occurred_at_ms)::DATE AS revenue_on,
        payment_id,
        customer_id,
        coalesce(sum(amount_cents) FILTER (type = 'payment_captured'), 0) AS captured_cents,
        coalesce(sum(amount_cents) FILTER (type = 'payment_refunded'), 0) AS refunded_cents,
        coalesce(sum(amount_cents) FILTER (type = 'payment_charged_back'), 0) AS charged_back_cents,
        bool_or(type = 'payment_captured') AS is_captured
    FROM warehouse.orders
    WHERE type IN ('payment_captured', 'payment_refunded', 'payment_charged_back')
    GROUP BY revenue_on, payment_id, customer_id
),

by_currency AS (
    SELECT
        moved.revenue_on,
        coalesce(payment.currency, 'XXX') AS currency, -- ISO 4217: no currency
        sum(moved.captured_cents)::BIGINT AS captured_cents,
        sum(moved.refunded_cents)::BIGINT AS refunded_cents,
        sum(moved.charged_back_cents)::BIGINT AS charged_back_cents,
        sum(moved.captured_cents - moved.refunded_cents - moved.charged_back_cents)::BIGINT AS net_cents,
        count(*) FILTER (moved.is_captured) AS payments
    FROM moved
    LEFT JOIN expected.warehouse_fct_payments AS payment USING (payment_id, customer_id)
    GROUP BY moved.revenue_on, coalesce(payment.currency, 'XXX')
)

SELECT
    by_currency.*,
    in_euro_cents(by_currency.captured_cents, rates.per_euro, rates.digits) AS captured_eur_cents,
    in_euro_cents(by_currency.refunded_cents, rates.per_euro, rates.digits) AS refunded_eur_cents,
    in_euro_cents(by_currency.charged_back_cents, rates.per_euro, rates.digits) AS charged_back_eur_cents,
    captured_eur_cents - refunded_eur_cents - charged_back_eur_cents AS net_eur_cents
FROM by_currency
LEFT JOIN warehouse.rates AS rates USING (currency);

CREATE OR REPLACE TABLE expected.warehouse_funnel_daily AS
SELECT
    started_on,
    coalesce(campaign, 'none') AS campaign,
    coalesce(device, 'none') AS device,
    count(*) AS sessions,
    count(*) FILTER (step IN ('viewed', 'carted', 'checkout', 'ordered')) AS viewed,
    count(*) FILTER (step IN ('carted', 'checkout', 'ordered')) AS carted,
    count(*) FILTER (step IN ('checkout', 'ordered')) AS checkout,
    count(*) FILTER (step = 'ordered') AS ordered
FROM expected.warehouse_fct_sessions
GROUP BY started_on, coalesce(campaign, 'none'), coalesce(device, 'none');

CREATE OR REPLACE TABLE expected.warehouse_cohort_retention AS
WITH active AS (
    SELECT DISTINCT customer_id, date_trunc('month', placed_on)::DATE AS active_month
    FROM expected.warehouse_fct_orders
    WHERE placed_on IS NOT NULL
),

cohorts AS (
    SELECT customer_id, min(active_month) AS cohort_month
    FROM active
    GROUP BY customer_id
),

sizes AS (
    SELECT cohort_month, count(*) AS cohort_customers
    FROM cohorts
    GROUP BY cohort_month
)

SELECT
    cohort_month,
    date_diff('month', cohort_month, active.active_month) AS month_number,
    count(*) AS customers,
    sizes.cohort_customers
FROM active
JOIN cohorts USING (customer_id)
JOIN sizes USING (cohort_month)
GROUP BY cohort_month, month_number, sizes.cohort_customers;

-- The group of a customer, 1 to 5: of `total` customers, `below` are in front. The first `total % 5` groups have one
-- customer more than the others.
CREATE OR REPLACE MACRO fifth(below, total) AS -- noqa: CP05
    CASE
        WHEN below < (total % 5) * (total // 5 + 1) THEN below // (total // 5 + 1) + 1
        ELSE (below - total % 5) // greatest(total // 5, 1) + 1
    END;

CREATE OR REPLACE TABLE expected.warehouse_customer_value AS
WITH totals AS (
    SELECT
        customer_id,
        currency,
        count(*) AS orders,
        count(cancelled_at) AS cancelled_orders,
        min(placed_at) AS first_placed_at,
        max(placed_at) AS last_placed_at,
        sum(captured_cents)::BIGINT AS captured_cents,
        sum(refunded_cents)::BIGINT AS refunded_cents,
        sum(charged_back_cents)::BIGINT AS charged_back_cents,
        sum(net_cents)::BIGINT AS net_cents
    FROM expected.warehouse_fct_orders
    WHERE placed_at IS NOT NULL
    GROUP BY customer_id, currency
),

ranked AS (
    SELECT
        *,
        count(*) OVER (PARTITION BY currency) AS customers,
        row_number() OVER (PARTITION BY currency ORDER BY last_placed_at, customer_id) - 1 AS before_by_recency,
        row_number() OVER (PARTITION BY currency ORDER BY orders, customer_id) - 1 AS before_by_frequency,
        row_number() OVER (PARTITION BY currency ORDER BY net_cents, customer_id) - 1 AS before_by_value
    FROM totals
)

SELECT
    * EXCLUDE (customers, before_by_recency, before_by_frequency, before_by_value),
    fifth(before_by_recency, customers) AS recency_score,
    fifth(before_by_frequency, customers) AS frequency_score,
    fifth(before_by_value, customers) AS monetary_score
FROM ranked;

CREATE OR REPLACE TABLE expected.warehouse_product_performance AS
WITH clicked AS (
    SELECT
        product_id,
        count(*) FILTER (type = 'product_viewed') AS views,
        count(*) FILTER (type = 'cart_item_added') AS cart_adds
    FROM warehouse.clicks
    WHERE type IN ('product_viewed', 'cart_item_added')
    GROUP BY product_id
),

ordered_by_order AS (
    SELECT product_id, order_id, customer_id, sum(quantity) AS units
    FROM expected.warehouse_fct_order_items
    GROUP BY product_id, order_id, customer_id
),

ordered AS (
    SELECT product_id, count(*) AS orders, sum(units)::BIGINT AS units_ordered
    FROM ordered_by_order
    GROUP BY product_id
),

returned AS (
    SELECT product_id, sum(quantity)::BIGINT AS units_returned
    FROM warehouse.inventory
    WHERE type = 'stock_returned'
    GROUP BY product_id
),

reviewed AS (
    SELECT
        product_id,
        count(*) FILTER (is_visible) AS reviews,
        coalesce(sum(rating) FILTER (is_visible), 0)::BIGINT AS rating_sum
    FROM expected.warehouse_fct_reviews
    GROUP BY product_id
),

current_products AS (
    SELECT product_id, name, category
    FROM expected.warehouse_dim_products
    WHERE is_current
)

SELECT
    product_id,
    current_products.name,
    current_products.category,
    coalesce(clicked.views, 0) AS views,
    coalesce(clicked.cart_adds, 0) AS cart_adds,
    coalesce(ordered.orders, 0) AS orders,
    coalesce(ordered.units_ordered, 0) AS units_ordered,
    coalesce(returned.units_returned, 0) AS units_returned,
    coalesce(reviewed.reviews, 0) AS reviews,
    coalesce(reviewed.rating_sum, 0) AS rating_sum
FROM current_products
FULL JOIN clicked USING (product_id)
FULL JOIN ordered USING (product_id)
FULL JOIN returned USING (product_id)
FULL JOIN reviewed USING (product_id);

CREATE OR REPLACE TABLE expected.warehouse_stock_health AS
SELECT
    product_id,
    warehouse_id,
    arg_max(on_hand, moved_on) AS on_hand,
    arg_max(reserved_units, moved_on) AS reserved_units,
    arg_max(on_hand - reserved_units, moved_on) AS available,
    sum(shipped)::BIGINT AS shipped_total,
    count(*) FILTER (on_hand <= 0) AS stock_out_days,
    min(moved_on) AS first_moved_on,
    max(moved_on) AS last_moved_on
FROM expected.warehouse_fct_inventory_daily
GROUP BY product_id, warehouse_id;

CREATE OR REPLACE TABLE expected.warehouse_delivery_performance AS
SELECT
    shipped_at::DATE AS shipped_on,
    coalesce(carrier, 'none') AS carrier,
    count(*) AS shipments,
    count(delivered_at) AS delivered,
    count(returned_at) AS returned,
    coalesce(sum(delivery_seconds), 0)::BIGINT AS delivery_seconds_total,
    coalesce(max(delivery_seconds), 0) AS slowest_delivery_seconds
FROM expected.warehouse_fct_shipments
WHERE shipped_at IS NOT NULL
GROUP BY shipped_at::DATE, coalesce(carrier, 'none');
