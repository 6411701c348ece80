# What only AWS can name, after it is made: keys and database users. It is apart, so that all else is known, and can
# be checked, at plan time; of these a plan shows the actions.

locals {
  late = { for name, workload in var.workloads : name => workload if length(concat(workload.settings_keys, workload.kms_keys, workload.database_users, workload.made_secrets)) > 0 }
}

data "aws_iam_policy_document" "late" {
  for_each = local.late

  dynamic "statement" {
    for_each = length(each.value.settings_keys) == 0 ? {} : { DecryptSettings = each.value.settings_keys }

    content {
      sid       = statement.key
      actions   = ["kms:Decrypt"]
      resources = statement.value

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["ssm.${var.region}.amazonaws.com"]
      }
    }
  }

  dynamic "statement" {
    for_each = length(each.value.kms_keys) == 0 ? {} : { UseKeys = each.value.kms_keys }

    content {
      sid       = statement.key
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(each.value.made_secrets) == 0 ? {} : { ReadMadeSecrets = each.value.made_secrets }

    content {
      sid       = statement.key
      actions   = ["secretsmanager:GetSecretValue"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(each.value.database_users) == 0 ? {} : { ConnectToDatabases = each.value.database_users }

    content {
      sid       = statement.key
      actions   = ["rds-db:connect"]
      resources = statement.value
    }
  }
}

resource "aws_iam_role_policy" "late" {
  for_each = local.late

  name   = "keys-and-databases"
  role   = aws_iam_role.this[each.key].name
  policy = data.aws_iam_policy_document.late[each.key].json
}
