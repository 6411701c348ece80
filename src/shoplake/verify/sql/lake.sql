-- Every valid event, unchanged, with its coordinates in Kafka.

CREATE OR REPLACE VIEW expected.lake_customers AS
SELECT *, utc(occurred_at_ms) AS occurred_at FROM ev_customers;

CREATE OR REPLACE VIEW expected.lake_products AS
SELECT *, utc(occurred_at_ms) AS occurred_at FROM ev_products;

CREATE OR REPLACE VIEW expected.lake_orders AS
SELECT *, utc(occurred_at_ms) AS occurred_at FROM ev_orders;

CREATE OR REPLACE VIEW expected.lake_inventory AS
SELECT *, utc(occurred_at_ms) AS occurred_at FROM ev_inventory;

CREATE OR REPLACE VIEW expected.lake_clicks AS
SELECT *, utc(occurred_at_ms) AS occurred_at FROM ev_clicks;

CREATE OR REPLACE VIEW expected.lake_reviews AS
SELECT *, utc(occurred_at_ms) AS occurred_at FROM ev_reviews;
