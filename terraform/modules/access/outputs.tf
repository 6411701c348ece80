output "role_arns" {
  description = "ARN of the role of each workload."
  value       = { for key, role in aws_iam_role.this : key => role.arn }
}

output "role_names" {
  description = "Name of the role of each workload; known at plan time."
  value       = { for key, role in aws_iam_role.this : key => role.name }
}

output "policies" {
  description = "Policy document of each workload, as JSON."
  value       = { for key, policy in aws_iam_policy.this : key => policy.policy }
}
