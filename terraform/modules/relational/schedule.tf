# Stops the instance at night and starts it in the morning. RDS starts what is stopped for 7 days by itself. A schedule
# holds the instance's name and nothing else, so it needs no key of ours.

data "aws_region" "current" {}

locals {
  calls = var.office_hours == null ? {} : {
    stop  = { at = var.office_hours.stop, call = "stopDBInstance", action = "rds:StopDBInstance" }
    start = { at = var.office_hours.start, call = "startDBInstance", action = "rds:StartDBInstance" }
  }
}

resource "aws_iam_role" "schedule" {
  for_each = var.office_hours == null ? {} : { (local.identifier) = var.office_hours.account_id }

  name                 = "${each.key}-schedule"
  description          = "Stops and starts ${each.key}"
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = each.value } }
    }]
  })
}

resource "aws_iam_role_policy" "schedule" {
  for_each = aws_iam_role.schedule

  name = "stop-and-start"
  role = each.value.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = [for call in local.calls : call.action]
      Resource = ["arn:${data.aws_partition.current.partition}:rds:${data.aws_region.current.name}:${var.office_hours.account_id}:db:${each.key}"]
    }]
  })
}

resource "aws_scheduler_schedule" "this" {
  for_each = local.calls

  name                         = "${local.identifier}-${each.key}"
  description                  = "${each.key} ${local.identifier}"
  schedule_expression          = each.value.at
  schedule_expression_timezone = var.office_hours.timezone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${data.aws_partition.current.partition}:scheduler:::aws-sdk:rds:${each.value.call}"
    role_arn = aws_iam_role.schedule[local.identifier].arn
    input    = jsonencode({ DbInstanceIdentifier = local.identifier })
  }
}
