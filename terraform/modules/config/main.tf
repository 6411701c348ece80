# What the program must know, where it looks for it: one SSM parameter per setting, one secret per section. Both are
# encrypted; who may read them must be let use the key too.

resource "aws_ssm_parameter" "this" {
  for_each = var.parameters

  name        = "/shoplake/${var.environment}/${each.key}"
  description = "shoplake setting ${replace(each.key, "/", ".")}"
  type        = "SecureString"
  key_id      = var.kms_key_arn
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

# Where AWS rotates nothing by itself: a function makes a new value, and sets it where it is used.
resource "aws_secretsmanager_secret_rotation" "this" {
  for_each = var.rotation_functions

  secret_id           = aws_secretsmanager_secret.this[each.key].id
  rotation_lambda_arn = each.value

  rotation_rules {
    automatically_after_days = 30
  }

  depends_on = [aws_secretsmanager_secret_version.this]
}
