{#-
    CTEs up to `holidays` (holiday_on, country), from a CTE `years` (year): the public holidays of the countries in which the shops of the simulator sell.
    Each rule is a row. To add a country, write its code into the rows of its holidays.

    Not included: regional holidays, substitutes for holidays on a Sunday, and Japan's equinoxes, announced each year. Right for 1900 to 2099.
-#}
{% macro public_holidays() %}
fixed_holidays as (
    from (values
        (1, 1, 'DE FR IT NL ES GB PL SE US JP'),
        (1, 6, 'IT ES PL SE'),
        (2, 11, 'JP'),
        (2, 23, 'JP'),
        (4, 25, 'IT'),
        (4, 27, 'NL'),
        (4, 29, 'JP'),
        (5, 1, 'DE FR IT ES PL SE'),
        (5, 3, 'PL JP'),
        (5, 4, 'JP'),
        (5, 5, 'JP'),
        (5, 8, 'FR'),
        (6, 2, 'IT'),
        (6, 6, 'SE'),
        (6, 19, 'US'),
        (7, 4, 'US'),
        (7, 14, 'FR'),
        (8, 11, 'JP'),
        (8, 15, 'FR IT ES PL'),
        (10, 3, 'DE'),
        (10, 12, 'ES'),
        (11, 1, 'FR IT ES PL'),
        (11, 3, 'JP'),
        (11, 11, 'FR PL US'),
        (11, 23, 'JP'),
        (12, 6, 'ES'),
        (12, 8, 'IT ES'),
        (12, 24, 'PL'),
        (12, 25, 'DE FR IT NL ES GB PL SE US'),
        (12, 26, 'DE IT NL GB PL SE')
    ) as rules(month, day, countries)
),

{#- Days after Easter Sunday: Good Friday, Easter, Easter Monday, Ascension, Whit Monday, Corpus Christi. #}
easter_holidays as (
    from (values
        (-2, 'DE ES GB SE'),
        (0, 'IT NL PL SE'),
        (1, 'DE FR IT NL GB PL SE'),
        (39, 'DE FR NL SE'),
        (50, 'DE FR NL'),
        (60, 'PL')
    ) as rules(days, countries)
),

{#- The first such weekday (1 is Monday) on or after a day. So the third Monday of January is on or after the 15th, the last one of May after the 25th. #}
weekday_holidays as (
    from (values
        (1, 15, 1, 'US'),
        (1, 8, 1, 'JP'),
        (2, 15, 1, 'US'),
        (5, 1, 1, 'GB'),
        (5, 25, 1, 'GB US'),
        (6, 20, 6, 'SE'),
        (7, 15, 1, 'JP'),
        (8, 25, 1, 'GB'),
        (9, 1, 1, 'US'),
        (9, 15, 1, 'JP'),
        (10, 8, 1, 'US JP'),
        (10, 31, 6, 'SE'),
        (11, 22, 4, 'US')
    ) as rules(month, day, weekday, countries)
),

{#- C. F. Gauss: Easter is d + e days after 22 March, with two exceptions. #}
moons as (
    select year, (19 * (year % 19) + 24) % 30 as d from years
),

sundays as (
    select year, d, (2 * (year % 4) + 4 * (year % 7) + 6 * d + 5) % 7 as e from moons
),

easters as (
    select
        year,
        make_date(year, 3, 22) + (d + e - case
            when d = 29 and e = 6 then 7
            when d = 28 and e = 6 and year % 19 > 10 then 7
            else 0
        end)::integer as easter_on
    from sundays
),

holiday_rules as (
    select make_date(year, month, day) as holiday_on, countries from years cross join fixed_holidays
    union all
    select easter_on + days::integer as holiday_on, countries from easters cross join easter_holidays
    union all
    select
        make_date(year, month, day) + ((weekday - isodow(make_date(year, month, day)) + 7) % 7)::integer as holiday_on,
        countries
    from years cross join weekday_holidays
),

holidays as (
    select distinct holiday_on, unnest(string_split(countries, ' ')) as country from holiday_rules
)
{% endmacro %}
