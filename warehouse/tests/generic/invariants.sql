{#- Each of `expressions` is true in each row. A null is not true. A row that fails says which expression it violates. -#}
{% test invariants(model, expressions) %}

{% for expression in expressions -%}
select '{{ expression | replace("'", "''") }}' as violated, *
from {{ model }}
where ({{ expression }}) is not true
{% if not loop.last %}union all{% endif %}
{% endfor %}

{% endtest %}
