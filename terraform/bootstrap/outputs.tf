output "state_bucket" {
  description = "Bucket of the states, as in the environment's backend.hcl."
  value       = aws_s3_bucket.this["state"].bucket
}

output "boundary_arn" {
  description = "Boundary of every role of the environment; its roots know it by name."
  value       = local.boundary_arn
}

output "github_roles" {
  description = "Roles for GitHub's workflows, by what they run."
  value       = { for key, role in aws_iam_role.github : key => role.arn }
}
