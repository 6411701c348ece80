output "identifier" {
  description = "Name of the instance."
  value       = aws_db_instance.this.identifier
}

output "arn" {
  description = "ARN of the instance."
  value       = aws_db_instance.this.arn
}

output "host" {
  description = "Host that RDS gives; on an emulator that is control plane only, nothing listens there."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "TCP port of the instance."
  value       = aws_db_instance.this.port
}

output "database" {
  description = "Database made with the instance."
  value       = var.database_name
}

output "user" {
  description = "Master user."
  value       = var.username
}

output "master_secret_arn" {
  description = "Secret where RDS keeps the password it made; null when the caller gave one."
  value       = one([for secret in aws_db_instance.this.master_user_secret : secret.secret_arn])
}

output "resource_id" {
  description = "Id that AWS draws for the instance; part of the ARN by which a role logs in."
  value       = aws_db_instance.this.resource_id
}
