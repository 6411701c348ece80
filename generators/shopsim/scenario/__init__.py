"""The format of scenarios: sections as types, their JSON Schema, and checks of single values."""
