{{ config(
    key=['customer_id', 'version'],
    built_by=['customer_id'],
    touched={'stg_customers': 'select customer_id from changes'},
) }}

with events as (
    select * from {{ ref('stg_customers') }} where {{ shoplake.touched('customer_id') }}
)

select
    customer_id,
    row_number() over history as version,
    last_value(name ignore nulls) over history as name,
    last_value(email ignore nulls) over history as email,
    last_value(segment ignore nulls) over history as segment,
    last_value(street ignore nulls) over history as street,
    last_value(postcode ignore nulls) over history as postcode,
    last_value(city ignore nulls) over history as city,
    last_value(country ignore nulls) over history as country,
    last_value(currency ignore nulls) over history as currency,
    last_value(marketing_opt_in ignore nulls) over history as marketing_opt_in,
    last_value(case event_type
        when 'customer_registered' then 'active'
        when 'customer_reactivated' then 'active'
        when 'customer_deactivated' then 'churned'
    end ignore nulls) over history as status,
    occurred_at as valid_from,
    lead(occurred_at) over history as valid_to,
    lead(event_id) over history is null as is_current
from events
window history as (
    partition by customer_id order by occurred_at, kafka_offset
    rows between unbounded preceding and current row
)
