output "bucket_names" {
  description = "Name of each bucket by its role."
  value       = { for key, bucket in aws_s3_bucket.this : key => bucket.id }
}

output "bucket_arns" {
  description = "ARN of each bucket by its role; known at plan time."
  value       = local.bucket_arns
}

output "warehouse" {
  description = "Location of the Iceberg tables, as `s3://bucket/prefix`."
  value       = "s3://${aws_s3_bucket.this["curated"].id}/${var.warehouse_prefix}"
}

output "warehouse_prefix" {
  description = "Folder of the warehouse in the curated bucket."
  value       = var.warehouse_prefix
}

output "database" {
  description = "Glue database, or namespace of the SQL catalogue."
  value       = var.database_name
}

output "catalog" {
  description = "`glue`, or `sql` where there is no Glue."
  value       = var.glue_catalog ? "glue" : "sql"
}

output "glue_databases" {
  description = "Glue databases of the lake; empty if the catalogue is SQL."
  value       = keys(aws_glue_catalog_database.this)
}

output "workgroup" {
  description = "Athena workgroup; null if there is none."
  value       = one(keys(aws_athena_workgroup.this))
}
