{#-
    The materialization of every model: a table whose rows are built anew by key.

    config:
        key: the columns that identify a row.
        built_by: the columns whose rows are built together, where that is not the key: all versions of a customer, all lines of an order.
        touched: upstream model or source table -> SQL that gives the values of `built_by` to build anew. In this SQL, `changes` has the rows of the
            upstream that are new or gone since the last build of this model, and `target` is this model's table.

    A build writes in one transaction: the rows, the changes that models downstream read, and the number of the build.
    So a process that is killed between two models leaves nothing that the next build cannot go on from.
-#}
{% materialization keyed, adapter='duckdb' %}
    {%- set key = config.require('key') -%}
    {%- set target = this.incorporate(type='table') -%}

    {{ run_hooks(pre_hooks) }}
    {%- if shoplake.builds_everything() -%}
        {% do shoplake.check_contract(sql) %}
        {% call statement('main') -%}
            create or replace table {{ target }} as {{ sql }}
        {%- endcall %}
        {% do shoplake.run('create or replace table ' ~ shoplake.changes_of(this.name)
            ~ ' as select *, 0::bigint as build from ' ~ target ~ ' limit 0') %}
    {%- else -%}
        {% do shoplake.run('create or replace temp table touched as ' ~ shoplake.touched_keys(target)) %}
        {% do shoplake.check_contract(sql) %}
        {% do shoplake.run('create or replace temp table built as ' ~ sql) %}
        {% do shoplake.run('create or replace temp table held as from ' ~ target ~ ' where ' ~ shoplake.is_in(shoplake.built_by(), 'touched', shoplake.built_by())) %}
        {% do shoplake.run('create or replace temp table changed as (from built except from held)'
            ~ ' union all (from held except from built)') %}
        {% do shoplake.run('insert into ' ~ shoplake.changes_of(this.name)
            ~ ' select *, ' ~ shoplake.this_build() ~ ' as build from changed') %}
        {% do shoplake.run('delete from ' ~ target ~ ' where ' ~ shoplake.is_in(key, 'changed', key)) %}
        {% call statement('main') -%}
            insert into {{ target }} from built where {{ shoplake.is_in(key, 'changed', key) }}
        {%- endcall %}
    {%- endif -%}
    {% do shoplake.run(shoplake.record_build()) %}
    {{ adapter.commit() }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}


{#- Run a statement in the transaction of the model; `run_query` of dbt would not begin one. -#}
{% macro run(statement_sql) %}
    {%- call statement('run', auto_begin=True) -%} {{ statement_sql }} {%- endcall -%}
{% endmacro %}


{#- Fail if the columns of the model or their types are not those of its YAML. `sql` may read the table `touched`. -#}
{% macro check_contract(sql) %}
    {%- if config.get('contract').enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif -%}
{% endmacro %}


{#- SQL for the keys to build anew. -#}
{% macro touched_keys(target) %}
    {%- for upstream, keys in config.require('touched').items() -%}
        {%- if not loop.first %} union {% endif -%}
        (with changes as (
            {%- if upstream.startswith('bronze.') -%}
            from {{ upstream }}
            {%- else -%}
            from {{ shoplake.changes_of(upstream) }} where build > (select build from build.models where model = '{{ this.name }}')
            {%- endif -%}
        ), target as (from {{ target }}) select distinct * from ({{ keys }}))
    {%- endfor -%}
{% endmacro %}


{#- A condition for the model's inputs: whether a row belongs to a key that is built in this run. -#}
{% macro touched() %}
    {%- if shoplake.builds_everything() -%}
        true
    {%- else -%}
        {{ shoplake.is_in(varargs, 'touched', shoplake.built_by()) }}
    {%- endif -%}
{% endmacro %}


{% macro is_in(expressions, table, columns) -%}
    ({{ expressions | join(', ') }}) in (select ({{ columns | join(', ') }}) from {{ table }})
{%- endmacro %}


{% macro built_by() -%}
    {{ return(config.get('built_by') or config.require('key')) }}
{%- endmacro %}


{#-
    Whether all rows are built: at the first build, after a change of the model, and after an upstream has built all of its own.
    A unit test gives a model all of its input and has no table, so it builds everything.
-#}
{% macro builds_everything() %}
    {%- if not execute or model.resource_type == 'unit_test' -%}{{ return(true) }}{%- endif -%}
    {%- if flags.FULL_REFRESH or load_relation(this) is none -%}{{ return(true) }}{%- endif -%}
    {%- set upstream = [] -%}
    {%- for node in model.depends_on.nodes if node.startswith('model.') -%}
        {%- do upstream.append("'" ~ node.split('.')[-1] ~ "'") -%}
    {%- endfor -%}
    {%- set found = run_query(
        "select count(*) from build.models as own where own.model = '" ~ this.name
        ~ "' and own.checksum = '" ~ local_md5(model.raw_code) ~ "' and not exists (select 1 from build.models as upstream"
        ~ " where upstream.full_build > own.build and upstream.model in (" ~ (upstream or ["''"]) | join(', ') ~ "))"
    ) -%}
    {{ return(found.rows[0][0] == 0) }}
{% endmacro %}


{% macro changes_of(model_name) -%}
    build.{{ model_name }}_changes
{%- endmacro %}


{#- The number of this build, which `shoplake warehouse build` has recorded. A variable of dbt would make it parse every file again. -#}
{% macro this_build() -%}
    (select max(build) from build.builds)
{%- endmacro %}


{% macro record_build() -%}
    insert or replace into build.models
    select
        '{{ this.name }}' as model,
        {{ shoplake.this_build() }} as build,
        {% if shoplake.builds_everything() -%} {{ shoplake.this_build() }} {%- else -%}
        (select full_build from build.models where model = '{{ this.name }}') {%- endif %} as full_build,
        '{{ local_md5(model.raw_code) }}' as checksum
{%- endmacro %}


{#- Custom schemas are the schemas: `silver`, not `main_silver`. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
