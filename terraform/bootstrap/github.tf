# GitHub's workflows get no key: they show a token, and take the role whose subject and audience it matches exactly.
# What Terraform manages is too wide for a list of actions; AWS's own policies say it, and only the protected GitHub
# environment may apply.

locals {
  github_host = "token.actions.githubusercontent.com"

  roles = {
    plan = {
      subject = "repo:${var.github_repository}:environment:${var.environment}-plan"
      policy  = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    }
    apply = {
      subject = "repo:${var.github_repository}:environment:${var.environment}"
      policy  = "arn:aws:iam::aws:policy/AdministratorAccess"
    }
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://${local.github_host}"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "github" {
  for_each = local.roles

  name                 = "shoplake-${var.environment}-terraform-${each.key}"
  description          = "GitHub's workflow that runs terraform ${each.key} on ${var.environment}"
  max_session_duration = 3600

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OneGithubWorkflow"
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = aws_iam_openid_connect_provider.github.arn }
      Condition = {
        StringEquals = {
          "${local.github_host}:aud" = "sts.amazonaws.com"
          "${local.github_host}:sub" = each.value.subject
        }
      }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "github" {
  for_each = local.roles

  role       = aws_iam_role.github[each.key].name
  policy_arn = each.value.policy
}

# A plan holds the lock while it reads.
resource "aws_iam_role_policy" "lock" {
  name = "lock-the-state"
  role = aws_iam_role.github["plan"].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["s3:PutObject", "s3:DeleteObject"], Resource = ["${local.state_object_arn}.tflock"] },
      { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = [module.keys.key_arns["state"]] },
    ]
  })
}
