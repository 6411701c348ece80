{#- A customer's score depends on all customers with the same currency. So they are built together, from one row of each and not from their orders. -#}
{{ config(
    key=['customer_id', 'currency'],
    built_by=['currency'],
    touched={'int_customer_orders': 'select currency from changes'},
) }}

select
    customer_id,
    currency,
    orders,
    cancelled_orders,
    first_placed_at,
    last_placed_at,
    captured_cents,
    refunded_cents,
    charged_back_cents,
    net_cents,
    ntile(5) over (partition by currency order by last_placed_at, customer_id) as recency_score,
    ntile(5) over (partition by currency order by orders, customer_id) as frequency_score,
    ntile(5) over (partition by currency order by net_cents, customer_id) as monetary_score
from {{ ref('int_customer_orders') }}
where {{ shoplake.touched('currency') }}
