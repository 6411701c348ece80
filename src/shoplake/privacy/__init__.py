"""Where personal data is, everything that is held about one customer, and where a value occurs."""
