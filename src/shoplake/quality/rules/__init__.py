"""What checks there are: the kinds, the files that declare them, and those that the contract says."""
