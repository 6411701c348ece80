# The role with which Fargate starts the task: it pulls the image, writes to the log and hands the secrets over. What the
# workflows themselves may do is the task's role, which the module `access` makes.

resource "aws_iam_role" "execution" {
  name                 = "${local.name}-execution"
  description          = "Starts the task of ${local.name}"
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

locals {
  statements = [
    {
      Sid      = "LogInToRegistry"
      Action   = ["ecr:GetAuthorizationToken"]
      Resource = ["*"] # AWS knows no resource for it
    },
    {
      Sid      = "PullImage"
      Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Resource = [var.repository_arn]
    },
    {
      Sid      = "WriteLog"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${var.log_group.arn}:log-stream:workflows/*"]
    },
    {
      Sid      = "ReadSecrets"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = values(var.secrets)
    },
    {
      Sid      = "DecryptSecrets"
      Action   = ["kms:Decrypt"]
      Resource = length(var.secrets) == 0 ? [] : [var.secrets_key_arn]
    },
  ]
}

# The agent of the session that forwards a port to the pages. AWS knows no resource for its channels.
resource "aws_iam_role_policy" "sessions" {
  name = "open-sessions"
  role = regex("[^/]+$", var.task_role_arn)

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "OpenSessions"
      Effect = "Allow"
      Action = [
        "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
      ]
      Resource = ["*"]
    }]
  })
}

resource "aws_iam_role_policy" "execution" {
  name = "start-the-task"
  role = aws_iam_role.execution.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for statement in local.statements : merge(statement, { Effect = "Allow" }) if length(statement.Resource) > 0]
  })
}
