mock_provider "aws" {}

variables {
  environment     = "test"
  parameters      = { "postgres/host" = "db.example", "postgres/port" = "5432" }
  secret_versions = { postgres = 7 }
  secret_values   = { postgres = "{\"password\": \"not-in-the-plan\"}" }
}

run "settings_are_where_the_program_looks" {
  command = plan

  assert {
    condition = { for p in aws_ssm_parameter.this : p.name => nonsensitive(p.value) } == {
      "/shoplake/test/postgres/host" = "db.example"
      "/shoplake/test/postgres/port" = "5432"
    }
    error_message = "A parameter must be named /shoplake/ENVIRONMENT/section/field."
  }

  assert {
    condition     = aws_secretsmanager_secret.this["postgres"].name == "shoplake/test/postgres"
    error_message = "A secret must be named shoplake/ENVIRONMENT/section."
  }
}

run "parameters_are_encrypted_with_the_given_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:111122223333:key/0f0f0f0f-0000-0000-0000-000000000000"
  }

  assert {
    condition     = alltrue([for p in aws_ssm_parameter.this : p.type == "SecureString" && p.key_id == var.kms_key_arn])
    error_message = "A parameter must be encrypted, with the key that was given."
  }
}

run "a_secret_rotates_where_a_function_is_given" {
  command = plan

  variables {
    rotation_functions = { postgres = "arn:aws:lambda:us-east-1:111122223333:function:rotate-postgres" }
  }

  assert {
    condition = (
      aws_secretsmanager_secret_rotation.this["postgres"].rotation_lambda_arn == var.rotation_functions["postgres"] &&
      one(aws_secretsmanager_secret_rotation.this["postgres"].rotation_rules).automatically_after_days == 30
    )
    error_message = "The function must be called every 30 days."
  }
}

run "a_rotation_of_no_secret_is_refused" {
  command = plan

  variables {
    rotation_functions = { redis = "arn:aws:lambda:us-east-1:111122223333:function:rotate" }
  }

  expect_failures = [var.rotation_functions]
}

run "a_rotation_by_no_function_is_refused" {
  command = plan

  variables {
    rotation_functions = { postgres = "rotate-postgres" }
  }

  expect_failures = [var.rotation_functions]
}

run "a_deleted_secret_can_be_brought_back_by_default" {
  command = plan

  assert {
    condition     = aws_secretsmanager_secret.this["postgres"].recovery_window_in_days == 30
    error_message = "The recovery window must be 30 days."
  }
}

run "a_secret_is_written_again_when_its_version_changes_and_stays_out_of_the_plan" {
  command = plan

  assert {
    condition     = aws_secretsmanager_secret_version.this["postgres"].secret_string_wo_version == 7
    error_message = "The version must be the caller's."
  }

  assert {
    condition     = aws_secretsmanager_secret_version.this["postgres"].secret_string_wo == null
    error_message = "The value must not be in the plan."
  }
}

run "a_secret_that_is_no_json_object_is_refused" {
  command = plan

  variables {
    secret_values = { postgres = "just-a-password" }
  }

  expect_failures = [aws_secretsmanager_secret_version.this]
}

run "a_password_in_a_parameter_is_refused" {
  command = plan

  variables {
    parameters = { "mongo/uri" = "mongodb://shop:hunter2@db.example:27017" }
  }

  expect_failures = [var.parameters]
}

run "an_empty_parameter_is_refused" {
  command = plan

  variables {
    parameters = { "postgres/host" = "" }
  }

  expect_failures = [var.parameters]
}

run "other_bad_values_are_refused" {
  command = plan

  variables {
    environment             = "Prod!"
    parameters              = { "postgres.host" = "db.example" }
    secret_versions         = { postgres = 0 }
    kms_key_arn             = "alias/shoplake"
    recovery_window_in_days = 3
  }

  expect_failures = [
    var.environment, var.parameters, var.secret_versions, var.kms_key_arn, var.recovery_window_in_days,
  ]
}
