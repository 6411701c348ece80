"""The simulated shop: customers, catalogue, sessions, carts, orders, fulfilment, reviews and stock."""
