{#-
    The reporting currency is the euro. Of one currency, how many minor units are a million euro cents: with a rate of 0.86 pounds to the euro, 860000.
    The yen has no smaller unit, so this is 1.641304 yen to the cent.

    The rates are fixed, as in the scenarios of the simulator. To add a currency, add it here and to `verify/sql/warehouse/rates.sql`.
-#}
{% macro exchange_rates() %}
exchange_rates as (
    from (values
        ('EUR', 1000000),
        ('GBP', 860000),
        ('JPY', 1641304),
        ('PLN', 4280000),
        ('SEK', 11200000),
        ('USD', 1090000)
    ) as rates(currency, per_million)
)
{% endmacro %}


{#- An amount of zero or more in euro cents, rounded to the nearest, half up. Null if the currency has no rate. -#}
{% macro euro_cents(amount) -%}
    ((2 * {{ amount }}::hugeint * 1000000 + exchange_rates.per_million) // (2 * exchange_rates.per_million))::bigint
{%- endmacro %}
