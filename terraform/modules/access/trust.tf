# Who may take a role: services of this account, or one GitHub workflow, named to the letter.

locals {
  github_host = "token.actions.githubusercontent.com"

  trust = {
    for name, workload in var.workloads : name => workload.github_subject == null ? jsonencode({
      Sid       = "WorkloadOfThisAccount"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = workload.trusted_services }
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
      }) : jsonencode({
      Sid       = "OneGithubWorkflow"
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:${data.aws_partition.current.partition}:iam::${var.account_id}:oidc-provider/${local.github_host}" }
      Condition = {
        StringEquals = {
          "${local.github_host}:aud" = "sts.amazonaws.com"
          "${local.github_host}:sub" = workload.github_subject
        }
      }
    })
  }
}
