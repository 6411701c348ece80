"""One HTTP API over all stores. It only reads, and each answer has the positions in the log that it is made from."""
