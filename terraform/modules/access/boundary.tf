# The most that any role of these workloads may ever do, whatever is attached to it: what they may do together.

locals {
  boundary_name = "${var.name_prefix}-boundary"
  own_boundary  = "arn:${data.aws_partition.current.partition}:iam::${var.account_id}:policy/${local.boundary_name}"
  boundary_arn  = var.make_boundary ? local.own_boundary : var.permissions_boundary_arn

  together = { for statement in flatten(values(local.statements)) : statement.Sid => statement... }

  boundary_statements = concat(
    [
      for sid, statements in local.together : {
        Sid      = sid
        Effect   = "Allow"
        Action   = statements[0].Action
        Resource = sort(distinct(flatten([for statement in statements : statement.Resource])))
      }
    ],
    [
      {
        Sid      = "UseKeys"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = ["arn:${data.aws_partition.current.partition}:kms:${var.region}:${var.account_id}:key/*"]
      },
      {
        Sid      = "ReadMadeSecrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = ["arn:${data.aws_partition.current.partition}:secretsmanager:${var.region}:${var.account_id}:secret:rds!*"]
      },
      {
        Sid      = "ConnectToDatabases"
        Effect   = "Allow"
        Action   = ["rds-db:connect"]
        Resource = ["arn:${data.aws_partition.current.partition}:rds-db:${var.region}:${var.account_id}:dbuser:*"]
      },
    ],
  )
}

resource "aws_iam_policy" "boundary" {
  for_each = var.make_boundary ? { (local.boundary_name) = jsonencode({ Version = "2012-10-17", Statement = local.boundary_statements }) } : {}

  name        = each.key
  description = "The most that a workload of ${var.name_prefix} may do"
  policy      = each.value

  lifecycle {
    precondition {
      condition     = length(each.value) <= 6144
      error_message = "The boundary is longer than the 6144 characters IAM allows: split the workloads over two calls of this module."
    }
  }
}
