output "parameter_prefix" {
  description = "Path prefix of every setting."
  value       = "/shoplake/${var.environment}"
}

output "parameter_arns" {
  description = "ARN of each parameter by `section/field`."
  value       = { for key, parameter in aws_ssm_parameter.this : key => parameter.arn }
}

output "secret_arns" {
  description = "ARN of each secret by section."
  value       = { for key, secret in aws_secretsmanager_secret.this : key => secret.arn }
}
