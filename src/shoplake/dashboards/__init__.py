"""Dashboards: panels over the metrics of the warehouse, declared in `warehouse/dashboards`, written as HTML pages."""
