"""Compare the gold tables of the data warehouse with a fold of the events that the last build has read."""

from shoplake.verify.stores.warehouse.folding import COMPARISONS, fold
from shoplake.verify.stores.warehouse.reading import gold_database, is_built, load, repair, settle

__all__ = ["COMPARISONS", "fold", "gold_database", "is_built", "load", "repair", "settle"]
