output "bootstrap_servers" {
  description = "Brokers as host:port, comma-separated, for TLS with IAM; null for MSK serverless, whose brokers are known only after creation."
  value       = one([for cluster in aws_msk_cluster.this : cluster.bootstrap_brokers_sasl_iam])
}

output "arn" {
  description = "ARN of the cluster."
  value       = one(concat([for c in aws_msk_cluster.this : c.arn], [for c in aws_msk_serverless_cluster.this : c.arn]))
}

output "cluster_name" {
  description = "Name of the cluster; known at plan time."
  value       = local.name
}
