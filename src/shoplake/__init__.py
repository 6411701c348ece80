"""A data platform for a simulated shop: one stream of events, five stores, and a check of every row."""
