mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

run "the_platform_of_this_environment_is_planned" {
  command = plan

  assert {
    condition     = output.settings_path == "/shoplake/${var.environment}"
    error_message = "The program looks for its settings under the environment's name."
  }

  assert {
    condition     = output.tables["orders"] == "shoplake-${var.environment}-orders" && output.catalog == "glue"
    error_message = "There must be the tables the sinks write, and Glue's catalogue."
  }

  assert {
    condition     = module.lake.bucket_arns["raw"] == "arn:aws:s3:::shoplake-${var.environment}-raw-${var.account_id}"
    error_message = "Bucket names are global: the account must be among them."
  }
}

run "an_unknown_environment_and_an_emulators_account_are_refused" {
  command = plan

  variables {
    environment       = "local"
    account_id        = "000000000000"
    data_class        = "secret"
    commit            = "main"
    github_repository = "shoplake"
  }

  expect_failures = [var.environment, var.account_id, var.data_class, var.commit, var.github_repository]
}

run "a_prod_without_last_snapshots_and_with_few_backups_is_refused" {
  command = plan

  variables {
    environment           = "prod"
    final_snapshots       = false
    backup_retention_days = 7
  }

  expect_failures = [var.final_snapshots, var.backup_retention_days]
}

run "less_than_a_week_of_backups_and_a_year_of_logs_is_refused_everywhere" {
  command = plan

  variables {
    backup_retention_days = 6
    log_retention_days    = 90
  }

  expect_failures = [var.backup_retention_days, var.log_retention_days]
}
