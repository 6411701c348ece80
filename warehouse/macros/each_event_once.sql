{#-
    The end of a staging model, after a CTE `events` of new records: of the records with one event_id, the one with the lowest place
    in the log, and `copies`, how many there are.
-#}
{% macro each_event_once() %}
, records as (
    select *, 1::bigint as copies from events
    {%- if not shoplake.builds_everything() %}
    union all by name
    from {{ this }} where {{ shoplake.touched('event_id') }}
    {%- endif %}
)

select
    * exclude (copies),
    (sum(copies) over (partition by event_id))::bigint as copies
from records
qualify row_number() over (partition by event_id order by kafka_partition, kafka_offset) = 1
{% endmacro %}
