"""Publish simulated events to Kafka, one transaction per window, or write them to files."""
