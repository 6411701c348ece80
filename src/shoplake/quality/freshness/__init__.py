"""How old each dataset is, against its objective."""
