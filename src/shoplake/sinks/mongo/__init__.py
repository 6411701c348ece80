"""The sink of MongoDB: customer and product documents."""
