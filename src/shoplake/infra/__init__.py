"""Terraform: find it, run it, hand over what it made."""
