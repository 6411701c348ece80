"""The sink of DynamoDB: sessions with their carts, and orders by customer."""
