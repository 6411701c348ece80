"""Shops simulated at size and looked at as a whole: what holds in each, and how often things happen."""
