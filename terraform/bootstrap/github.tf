# GitHub's workflows get no key: they show a token, and take the role whose subject and audience it matches exactly.

locals {
  github_host = "token.actions.githubusercontent.com"

  # The GitHub environment, whose protection rules say who may run there, and what the role may do.
  roles = {
    plan  = { environment = "${var.environment}-plan", policies = keys(local.reads) }
    apply = { environment = var.environment, policies = concat(keys(local.reads), keys(local.writes)) }
  }

  attachments = merge([
    for role, one in local.roles : { for policy in one.policies : "${role}-${policy}" => { role = role, policy = policy } }
  ]...)
}

resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://${local.github_host}"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "github" {
  for_each = local.roles

  name                 = "${local.own_prefix}-${each.key}"
  description          = "GitHub's workflow that runs terraform ${each.key} on ${var.environment}"
  max_session_duration = 3600

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OneGithubWorkflow"
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::${var.account_id}:oidc-provider/${local.github_host}" }
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = "repo:${var.github_owner}/${var.github_repository}:environment:${each.value.environment}"
        }
      }
    }]
  })

  depends_on = [aws_iam_openid_connect_provider.github]
}

resource "aws_iam_policy" "github" {
  for_each = merge(local.reads, local.writes)

  name        = "${local.own_prefix}-${each.key}"
  description = "What terraform may do on ${var.environment}: ${each.key}"

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for statement in each.value : merge({ Effect = "Allow" }, statement)]
  })

  lifecycle {
    precondition {
      condition     = length(jsonencode({ Version = "2012-10-17", Statement = [for statement in each.value : merge({ Effect = "Allow" }, statement)] })) <= 6144
      error_message = "The policy is longer than the 6144 characters that IAM allows: split it."
    }
  }
}

resource "aws_iam_role_policy_attachment" "github" {
  for_each = local.attachments

  role       = aws_iam_role.github[each.value.role].name
  policy_arn = aws_iam_policy.github[each.value.policy].arn
}
