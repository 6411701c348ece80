"""A deterministic simulator of a shop: columns out, no network, no files, no clock."""
