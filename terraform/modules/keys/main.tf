# Customer-managed keys by purpose. Who may use a key stands in IAM, as the account's own statement allows; the
# services that use one without a role of ours are named here, for this account alone.

data "aws_partition" "current" {}

locals {
  account_root = "arn:${data.aws_partition.current.partition}:iam::${var.account_id}:root"
  usage        = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:DescribeKey"]

  account_statement = {
    Sid       = "AccountAdministersThroughIam"
    Effect    = "Allow"
    Principal = { AWS = local.account_root }
    Action    = "kms:*"
    Resource  = "*" # in a key's policy: this key
  }

  service_statements = {
    for name, key in var.keys : name => {
      Sid       = "ServicesOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = key.services }
      Action    = local.usage
      Resource  = "*"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    } if length(key.services) > 0
  }

  # CloudWatch Logs sends no source account; it names the log group in the encryption context.
  log_statements = {
    for name, key in var.keys : name => {
      Sid       = "LogGroupsOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = "logs.${var.region}.amazonaws.com" }
      Action    = local.usage
      Resource  = "*"
      Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${data.aws_partition.current.partition}:logs:${var.region}:${var.account_id}:log-group:*" } }
    } if key.log_groups
  }
}

resource "aws_kms_key" "this" {
  for_each = var.keys

  description             = each.value.description
  enable_key_rotation     = true
  rotation_period_in_days = var.rotation_period_in_days
  deletion_window_in_days = var.deletion_window_in_days

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [local.account_statement],
      [for statement in [lookup(local.service_statements, each.key, null)] : statement if statement != null],
      [for statement in [lookup(local.log_statements, each.key, null)] : statement if statement != null],
    )
  })
}

resource "aws_kms_alias" "this" {
  for_each = var.keys

  name          = "alias/${var.name_prefix}-${each.key}"
  target_key_id = aws_kms_key.this[each.key].key_id
}
