-- The expected calendar: all days of the months from the first event of the build to the last one.
-- `warehouse.holidays` has the public holidays by day and country.

CREATE OR REPLACE VIEW warehouse.event_days AS
SELECT
    utc(min(first_ms))::DATE AS first_day,
    utc(max(last_ms))::DATE AS last_day
FROM (
    SELECT min(occurred_at_ms) AS first_ms, max(occurred_at_ms) AS last_ms FROM warehouse.clicks
    UNION ALL SELECT min(occurred_at_ms), max(occurred_at_ms) FROM warehouse.customers
    UNION ALL SELECT min(occurred_at_ms), max(occurred_at_ms) FROM warehouse.inventory
    UNION ALL SELECT min(occurred_at_ms), max(occurred_at_ms) FROM warehouse.orders
    UNION ALL SELECT min(occurred_at_ms), max(occurred_at_ms) FROM warehouse.products
    UNION ALL SELECT min(occurred_at_ms), max(occurred_at_ms) FROM warehouse.reviews
);

CREATE OR REPLACE VIEW fold_warehouse_dim_dates AS
WITH numbered AS (
    -- The longest span of the contract is 110 years. The last day of a month is the day before the first of the next.
    SELECT strptime(strftime(first_day, '%Y-%m-01'), '%Y-%m-%d')::DATE + days.day_number::INTEGER AS day
    FROM warehouse.event_days
    CROSS JOIN range(42000) AS days (day_number)
    WHERE day < strptime(strftime(last_day, '%Y-%m-01'), '%Y-%m-%d')::DATE + INTERVAL 1 MONTH
),

closed AS (
    SELECT day, array_to_string(list_sort(list(country)), ', ') AS countries
    FROM warehouse.holidays
    GROUP BY day
)

SELECT -- noqa: ST06
    numbered.day AS date_day,
    strftime(numbered.day, '%Y')::BIGINT AS year,
    (strftime(numbered.day, '%m')::BIGINT + 2) // 3 AS quarter,
    strftime(numbered.day, '%m')::BIGINT AS month,
    strftime(numbered.day, '%Y-%m-01')::DATE AS month_start,
    strftime(numbered.day, '%G')::BIGINT AS iso_year,
    strftime(numbered.day, '%V')::BIGINT AS iso_week,
    strftime(numbered.day, '%u')::BIGINT AS weekday,
    strftime(numbered.day, '%u') IN ('6', '7') AS is_weekend,
    closed.countries AS holiday_in
FROM numbered
LEFT JOIN closed USING (day);
