-- Runs in Postgres: what schema shop is made of, as (name, description). `structure/postgres.json` is what is expected.

WITH relations AS (
    SELECT c.oid, c.relname, c.relkind, c.relpersistence, c.relrowsecurity
    FROM pg_class AS c
    WHERE c.relnamespace = 'shop'::regnamespace AND c.relkind NOT IN ('i', 'I', 'c', 't')
)

SELECT
    CASE relkind
        WHEN 'r' THEN 'table ' WHEN 'p' THEN 'table ' WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialised view '
        WHEN 'S' THEN 'sequence ' ELSE 'relation '
    END || relname AS name,
    concat_ws(
        ', ',
        CASE relpersistence WHEN 'p' THEN 'kept' WHEN 'u' THEN 'unlogged: emptied by a crash' ELSE 'temporary' END,
        CASE WHEN relkind = 'p' THEN 'partitioned' END,
        CASE WHEN relrowsecurity THEN 'rows hidden by policies' END
    ) AS description
FROM relations
UNION ALL
SELECT
    'column ' || r.relname || '.' || a.attname,
    concat_ws(
        ' ',
        format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attnotnull THEN 'not null' END,
        'default ' || pg_get_expr(d.adbin, d.adrelid)
    )
FROM relations AS r
JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef AS d ON d.adrelid = r.oid AND d.adnum = a.attnum
WHERE r.relkind IN ('r', 'p')
UNION ALL
SELECT
    'constraint of ' || r.relname || ': ' || pg_get_constraintdef(c.oid),
    CASE WHEN c.convalidated THEN 'valid' ELSE 'not validated' END
FROM relations AS r
JOIN pg_constraint AS c ON c.conrelid = r.oid
WHERE c.contype <> 'n'
UNION ALL
SELECT
    'index ' || i.relname || ' of ' || r.relname,
    regexp_replace(pg_get_indexdef(x.indexrelid), '^.* USING ', '')
    || CASE WHEN x.indisunique THEN ', unique' ELSE '' END
    || CASE WHEN x.indisvalid THEN '' ELSE ', not valid' END
FROM relations AS r
JOIN pg_index AS x ON x.indrelid = r.oid
JOIN pg_class AS i ON i.oid = x.indexrelid
UNION ALL
SELECT
    'trigger ' || t.tgname || ' of ' || r.relname,
    pg_get_triggerdef(t.oid)
FROM relations AS r
JOIN pg_trigger AS t ON t.tgrelid = r.oid AND NOT t.tgisinternal
UNION ALL
SELECT
    'rule ' || w.rulename || ' of ' || r.relname,
    pg_get_ruledef(w.oid)
FROM relations AS r
JOIN pg_rewrite AS w ON w.ev_class = r.oid
WHERE r.relkind IN ('r', 'p')
UNION ALL
SELECT
    'function ' || p.proname,
    'a function'
FROM pg_proc AS p
WHERE p.pronamespace = 'shop'::regnamespace
