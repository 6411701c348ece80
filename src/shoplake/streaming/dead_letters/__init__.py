"""Dead letters: events that do not fit the contract are routed, listed, repaired and replayed."""
