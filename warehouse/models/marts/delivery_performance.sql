{{ config(
    key=['shipped_on', 'carrier'],
    touched={
        'fct_shipments': "
            select shipped_at::date as shipped_on, coalesce(carrier, 'none') as carrier from changes
            where shipped_at is not null
        ",
    },
) }}

select
    shipped_at::date as shipped_on,
    coalesce(carrier, 'none') as carrier,
    count(*) as shipments,
    count(delivered_at) as delivered,
    count(returned_at) as returned,
    coalesce(sum(delivery_seconds), 0)::bigint as delivery_seconds_total,
    coalesce(max(delivery_seconds), 0)::bigint as slowest_delivery_seconds
from {{ ref('fct_shipments') }}
where shipped_at is not null and {{ shoplake.touched('shipped_at::date', "coalesce(carrier, 'none')") }}
group by all
