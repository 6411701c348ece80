output "host" {
  description = "Host of the primary."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "port" {
  description = "TCP port; TLS only."
  value       = aws_elasticache_replication_group.this.port
}

output "identifier" {
  description = "Name of the replication group; known at plan time."
  value       = aws_elasticache_replication_group.this.replication_group_id
}

output "user_names" {
  description = "User of each workload; known at plan time."
  value       = { for name, user in aws_elasticache_user.this : name => user.user_name }
}
