"""The independent fold of the log, and the comparison of every store with it.

Shares no code with the sinks: both follow docs/data-model.md, so that one mistake is not made twice.
"""

from shoplake.verify.report import STORES, Difference, Finding, Report, StoreResult
from shoplake.verify.verification import named, verify

__all__ = ["STORES", "Difference", "Finding", "Report", "StoreResult", "named", "verify"]
