"""Dead letters: route records that are not valid events to a topic; list, repair, replay and discard them."""
