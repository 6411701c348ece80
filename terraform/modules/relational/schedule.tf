# Stops the instance at night and starts it in the morning. RDS starts what is stopped for 7 days by itself. Scheduler
# decrypts a schedule with the schedule's own role.

data "aws_region" "current" {}

locals {
  calls = var.office_hours == null ? {} : {
    stop  = { at = var.office_hours.stop, call = "stopDBInstance", action = "rds:StopDBInstance" }
    start = { at = var.office_hours.start, call = "startDBInstance", action = "rds:StartDBInstance" }
  }

  arn_of = var.office_hours == null ? {} : {
    for service in ["rds", "scheduler"] :
    service => "arn:${data.aws_partition.current.partition}:${service}:${data.aws_region.current.name}:${var.office_hours.account_id}"
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

# A document, because only AWS can name the key: of a document a plan shows the actions.
data "aws_iam_policy_document" "schedule" {
  for_each = aws_iam_role.schedule

  statement {
    sid       = "StopAndStart"
    actions   = [for call in local.calls : call.action]
    resources = ["${local.arn_of.rds}:db:${each.key}"]
  }

  statement {
    sid       = "ReadSchedules"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:scheduler:schedule:arn"
      values   = [for call in keys(local.calls) : "${local.arn_of.scheduler}:schedule/default/${each.key}-${call}"]
    }
  }
}

resource "aws_iam_role_policy" "schedule" {
  for_each = aws_iam_role.schedule

  name   = "stop-and-start"
  role   = each.value.id
  policy = data.aws_iam_policy_document.schedule[each.key].json
}

resource "aws_scheduler_schedule" "this" {
  for_each = local.calls

  name                         = "${local.identifier}-${each.key}"
  description                  = "${each.key} ${local.identifier}"
  schedule_expression          = each.value.at
  schedule_expression_timezone = var.office_hours.timezone
  kms_key_arn                  = var.kms_key_arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${data.aws_partition.current.partition}:scheduler:::aws-sdk:rds:${each.value.call}"
    role_arn = aws_iam_role.schedule[local.identifier].arn
    input    = jsonencode({ DbInstanceIdentifier = local.identifier })
  }
}
