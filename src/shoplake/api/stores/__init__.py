"""One module per store: its client, its positions, and the reads of the routes."""
