{{ config(
    key=['started_on', 'campaign', 'device'],
    touched={
        'fct_sessions': "
            select started_on, coalesce(campaign, 'none') as campaign, coalesce(device, 'none') as device from changes
        ",
    },
) }}

select
    started_on,
    coalesce(campaign, 'none') as campaign,
    coalesce(device, 'none') as device,
    count(*) as sessions,
    count(*) filter (step != 'visited') as viewed,
    count(*) filter (step in ('carted', 'checkout', 'ordered')) as carted,
    count(*) filter (step in ('checkout', 'ordered')) as checkout,
    count(*) filter (step = 'ordered') as ordered
from {{ ref('fct_sessions') }}
where {{ shoplake.touched('started_on', "coalesce(campaign, 'none')", "coalesce(device, 'none')") }}
group by all
