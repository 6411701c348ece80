-- Visitors of each day. The schemas `uploads`, `lake` and `gold` can be read.
select day, sum(visitors)::bigint as visitors, count(*) as rows_read
from uploads.TABLE
group by day
order by day
