"""What a scenario may say: its sections as types, their JSON Schema, and the checks of single values."""
