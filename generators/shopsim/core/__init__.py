"""What all other packages of the simulator build on: random numbers, records, ids, columns of text."""
