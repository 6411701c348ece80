"""The shop itself: customers, catalogue, sessions, carts, orders, fulfilment, reviews and stock."""
