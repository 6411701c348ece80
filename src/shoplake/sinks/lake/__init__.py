"""The sink of the data lake: Iceberg tables on S3, and the maintenance of those tables."""
