output "host" {
  description = "Host of the instance that writes."
  value       = aws_docdb_cluster.this.endpoint
}

output "port" {
  description = "TCP port; TLS alone."
  value       = aws_docdb_cluster.this.port
}

output "identifier" {
  description = "Name of the cluster; known at plan time."
  value       = aws_docdb_cluster.this.cluster_identifier
}

output "master_secret_arn" {
  description = "Secret where AWS keeps the password it made."
  value       = one([for secret in aws_docdb_cluster.this.master_user_secret : secret.secret_arn])
}
