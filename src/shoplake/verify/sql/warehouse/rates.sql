-- The exchange rates that `verify` expects: units of a currency for one euro, and the digits of its minor unit.
-- A test compares them with the scenarios of the simulator and with the macro of the models.

CREATE OR REPLACE TABLE warehouse.rates AS
FROM (VALUES
    ('EUR', 1::DECIMAL(18, 6), 2),
    ('GBP', 0.86, 2),
    ('JPY', 164.1304, 0),
    ('PLN', 4.28, 2),
    ('SEK', 11.2, 2),
    ('USD', 1.09, 2)
) AS rates (currency, per_euro, digits);

-- Quotient of integers of zero or more, to the nearest integer, half up.
CREATE OR REPLACE MACRO rounded_quotient(dividend, divisor) AS -- noqa: CP05
    dividend // divisor + CASE WHEN 2 * (dividend % divisor) >= divisor THEN 1 ELSE 0 END;

-- The scale of a rate is 10^6, that of a euro cent 10^2. Null for a currency without a rate.
CREATE OR REPLACE MACRO in_euro_cents(cents, per_euro, digits) AS -- noqa: CP05
    rounded_quotient(
        cents::HUGEINT * 100000000, (per_euro * 1000000)::HUGEINT * (10 ** digits)::HUGEINT
    )::BIGINT;
