output "state_bucket" {
  description = "Bucket of the Terraform states, as in backend.hcl of the environment."
  value       = aws_s3_bucket.this["state"].bucket
}

output "boundary_arn" {
  description = "Permission boundary of every role of the environment; the root modules refer to it by name."
  value       = local.boundary_arn
}

output "github_roles" {
  description = "Roles of the GitHub workflows, by task (plan, apply)."
  value       = { for key, role in aws_iam_role.github : key => role.arn }
}
