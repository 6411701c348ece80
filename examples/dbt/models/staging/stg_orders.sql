-- Some events are in the log twice. The first copy counts.
select
    event_id,
    type as event_type,
    epoch_ms(occurred_at_ms) as occurred_at,
    order_id,
    customer_id,
    currency,
    total_cents,
    reason
from {{ source('lake', 'orders') }}
qualify row_number() over (partition by event_id order by kafka_partition, kafka_offset) = 1
