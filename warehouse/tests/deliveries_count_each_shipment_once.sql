-- The parcels of a day are the shipments that left on it, each once.
with deliveries as (
    select
        shipped_on,
        sum(shipments) as shipments,
        sum(delivered) as delivered,
        sum(returned) as returned,
        sum(delivery_seconds_total) as delivery_seconds_total
    from {{ ref('delivery_performance') }}
    group by shipped_on
),

shipments as (
    select
        shipped_at::date as shipped_on,
        count(*) as shipments,
        count(delivered_at) as delivered,
        count(returned_at) as returned,
        coalesce(sum(delivery_seconds), 0) as delivery_seconds_total
    from {{ ref('fct_shipments') }}
    where shipped_at is not null
    group by shipped_at::date
)

(from deliveries except from shipments)
union all
(from shipments except from deliveries)
