output "environment" {
  description = "Name of the environment, as in the paths of its settings."
  value       = var.environment
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
  description = "Which Iceberg catalogue names the tables."
  value       = module.lake.catalog
}

output "tables" {
  description = "DynamoDB tables by short name."
  value       = module.keyvalue.table_names
}

output "database_instance" {
  description = "RDS instance."
  value       = module.relational.identifier
}

output "roles" {
  description = "Role of each workload."
  value       = module.access.role_arns
}

output "network" {
  description = "Network of the workloads: private subnets, and the security group that stores allow."
  value       = { subnet_ids = module.network.subnet_ids["private"], security_group_id = module.network.workload_security_group_id }
}
