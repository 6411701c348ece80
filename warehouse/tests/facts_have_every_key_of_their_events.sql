-- A fact has one row for each key that an event names, and no other row.
{%- set facts = [
    ('fct_orders', 'order_id, customer_id', 'stg_orders', 'true'),
    ('fct_payments', 'payment_id, customer_id', 'stg_orders', "event_type like 'payment_%'"),
    ('fct_shipments', 'shipment_id, customer_id', 'stg_orders', "event_type in ('order_shipped', 'order_delivered', 'order_returned')"),
    ('fct_sessions', 'session_id', 'stg_clicks', 'true'),
    ('fct_inventory_daily', 'product_id, warehouse_id, moved_on', 'stg_inventory', 'true'),
    ('fct_reviews', 'review_id, product_id', 'stg_reviews', 'true'),
] %}

{% for fact, key, staging, condition in facts %}
    {%- set event_key = key | replace('moved_on', 'occurred_at::date') %}
    select '{{ fact }}' as fact, ({{ key }})::varchar as key, 'not in the fact' as finding
    from (
        select {{ event_key | replace('occurred_at::date', 'occurred_at::date as moved_on') }} from {{ ref(staging) }} where {{ condition }}
        except
        select {{ key }} from {{ ref(fact) }}
    )
    union all
    select '{{ fact }}' as fact, ({{ key }})::varchar as key, 'of no event' as finding
    from (
        select {{ key }} from {{ ref(fact) }}
        except
        select {{ event_key }} from {{ ref(staging) }} where {{ condition }}
    )
    {% if not loop.last %}union all{% endif %}
{% endfor %}
