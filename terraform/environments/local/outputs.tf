output "environment" {
  description = "Name of the environment, as in the paths of its settings."
  value       = local.environment
}

output "settings_path" {
  description = "SSM path of the program's settings."
  value       = module.config.parameter_prefix
}

output "buckets" {
  description = "Buckets of the lake by role."
  value       = module.lake.bucket_names
}

output "warehouse" {
  description = "Location of the Iceberg tables."
  value       = module.lake.warehouse
}

output "catalog" {
  description = "Which Iceberg catalogue names the tables: glue or sql."
  value       = module.lake.catalog
}

output "tables" {
  description = "DynamoDB tables by short name."
  value       = module.keyvalue.table_names
}

output "database_instance" {
  description = "RDS instance, control plane only; null if the emulator has no RDS."
  value       = one([for instance in module.relational : instance.identifier])
}

output "roles" {
  description = "Role of each workload."
  value       = module.access.role_arns
}
