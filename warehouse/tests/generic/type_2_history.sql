{#-
    The versions of each `entity` are a history: numbered from 1 in the order of time, each valid until the next begins, and only the last one
    current. So they have no gap and no overlap.
-#}
{% test type_2_history(model, entity) %}

with versions as (
    select
        *,
        row_number() over history as expected_version,
        lead(valid_from) over history as next_valid_from,
        lead(version) over history is null as is_last
    from {{ model }}
    window history as (partition by {{ entity }} order by version)
)

select {{ entity }}, version, valid_from, valid_to, is_current
from versions
where
    version != expected_version
    or valid_from is null
    or valid_to is distinct from next_valid_from
    or valid_to < valid_from
    or is_current is distinct from is_last

{% endtest %}
