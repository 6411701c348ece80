"""An independent fold of the log in SQL, and the comparison of every store with it.

It shares no code with the sinks. Both implement docs/data-model.md, so that a mistake in one is found by the other.
"""

from shoplake.verify.report import ALWAYS_PRESENT, STORES, Difference, Finding, Report, StoreResult
from shoplake.verify.verification import named, verify

__all__ = ["ALWAYS_PRESENT", "STORES", "Difference", "Finding", "Report", "StoreResult", "named", "verify"]
