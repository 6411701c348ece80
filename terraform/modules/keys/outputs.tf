output "key_arns" {
  description = "ARN of each key by its purpose."
  value       = { for name, key in aws_kms_key.this : name => key.arn }
}

output "alias_names" {
  description = "Alias of each key by its purpose; known at plan time."
  value       = { for name, alias in aws_kms_alias.this : name => alias.name }
}
