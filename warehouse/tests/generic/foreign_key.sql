{#-
    Each combination of `columns` without nulls is in the model `to`, in columns of the same names.

    Use it only where both models are built from the same events. An event of another topic may come late, or never.
-#}
{% test foreign_key(model, columns, to) %}

select distinct {{ columns | join(', ') }}
from {{ model }} as rows_of_model
where
    {% for column in columns %}{{ column }} is not null and {% endfor -%}
    not exists (
        select 1
        from {{ to }} as referenced
        where {% for column in columns %}referenced.{{ column }} = rows_of_model.{{ column }}{% if not loop.last %} and {% endif %}{% endfor %}
    )

{% endtest %}
