{#- Each row has a key without nulls, and no two rows have the same. The key is `key` of the model's configuration. -#}
{% test primary_key(model) %}

{%- set key = graph.nodes['model.shoplake.' ~ model.identifier].config.key if execute else ['true'] %}

select
    {{ key | join(', ') }},
    count(*) as row_count
from {{ model }}
group by all
having count(*) > 1{% for column in key %} or {{ column }} is null{% endfor %}

{% endtest %}
