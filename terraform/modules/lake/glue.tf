# The Iceberg catalogue. An emulator without Glue turns it off; the catalogue is then SQL, in Postgres.

resource "aws_glue_catalog_database" "this" {
  for_each = var.glue_catalog ? { (var.database_name) = local.bucket_names["curated"] } : {}

  name         = each.key
  description  = "Iceberg tables of ${var.name_prefix}"
  location_uri = "s3://${each.value}/${var.warehouse_prefix}"
}
