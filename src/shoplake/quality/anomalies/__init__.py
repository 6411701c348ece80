"""Finds anomalies in hourly measures of the events, at a stated rate of false alarms for all of them together.

measured = measures(events)              # or measures_of_tables: hourly counts, shares, sums and means
alarms = detect(measured, since, until)  # a frame: series, kind, window, observed, expected, score
"""

from shoplake.quality.anomalies.alarms import ALARMS
from shoplake.quality.anomalies.budget import ALARMS_PER_WEEK
from shoplake.quality.anomalies.detector import LEARNING_DAYS, Announced, detect
from shoplake.quality.anomalies.measures import SCHEMA, measures, measures_of_tables

__all__ = [
    "ALARMS",
    "ALARMS_PER_WEEK",
    "LEARNING_DAYS",
    "SCHEMA",
    "Announced",
    "detect",
    "measures",
    "measures_of_tables",
]
