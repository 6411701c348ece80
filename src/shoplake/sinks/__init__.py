"""One file per store; each makes the effect of a batch exactly once."""
