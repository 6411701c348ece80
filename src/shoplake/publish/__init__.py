"""Simulator or file to Kafka, one transaction per window."""
