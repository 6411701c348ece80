output "identifier" {
  description = "Name of the instance."
  value       = aws_db_instance.this.identifier
}

output "arn" {
  description = "ARN of the instance."
  value       = aws_db_instance.this.arn
}

output "host" {
  description = "Host of the RDS instance; on an emulator with control plane only, nothing listens there."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "TCP port of the instance."
  value       = aws_db_instance.this.port
}

output "database" {
  description = "Database that is created with the instance."
  value       = var.database_name
}

output "user" {
  description = "Master user."
  value       = var.username
}

output "master_secret_arn" {
  description = "Secret with the password that RDS created; null if the caller set one."
  value       = one([for secret in aws_db_instance.this.master_user_secret : secret.secret_arn])
}

output "resource_id" {
  description = "Resource id that AWS generates for the instance; part of the ARN for IAM login."
  value       = aws_db_instance.this.resource_id
}
