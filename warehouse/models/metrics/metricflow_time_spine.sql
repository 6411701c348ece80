{{ config(materialized='view') }}

select range::date as date_day
from range('2000-01-01'::timestamp, '2100-01-01'::timestamp, interval 1 day)
