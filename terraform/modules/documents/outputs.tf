output "host" {
  description = "Host of the writer instance."
  value       = aws_docdb_cluster.this.endpoint
}

output "port" {
  description = "TCP port; TLS only."
  value       = aws_docdb_cluster.this.port
}

output "identifier" {
  description = "Name of the cluster; known at plan time."
  value       = aws_docdb_cluster.this.cluster_identifier
}

output "master_secret_arn" {
  description = "Secret with the password that AWS created."
  value       = one([for secret in aws_docdb_cluster.this.master_user_secret : secret.secret_arn])
}
