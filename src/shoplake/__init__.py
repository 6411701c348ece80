"""A data platform for a synthetic shop: one stream of events, five stores, every row accounted for."""
