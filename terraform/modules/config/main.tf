# What the program must know, where it looks for it: one SSM parameter per setting, one secret per section.

resource "aws_ssm_parameter" "this" {
  for_each = var.parameters

  name        = "/shoplake/${var.environment}/${each.key}"
  description = "shoplake setting ${replace(each.key, "/", ".")}"
  type        = "String"
  value       = each.value
}

resource "aws_secretsmanager_secret" "this" {
  for_each = var.secret_versions

  name                    = "shoplake/${var.environment}/${each.key}"
  description             = "shoplake secrets of ${each.key}"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_window_in_days
}

resource "aws_secretsmanager_secret_version" "this" {
  for_each = var.secret_versions

  secret_id                = aws_secretsmanager_secret.this[each.key].id
  secret_string_wo         = var.secret_values[each.key]
  secret_string_wo_version = each.value

  lifecycle {
    precondition {
      condition     = can(keys(jsondecode(var.secret_values[each.key])))
      error_message = "secret_values must hold a JSON object for '${each.key}', as secret_versions names it."
    }
  }
}
