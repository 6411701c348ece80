mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  name_prefix = "shoplake-test"
  account_id  = "111122223333"
  region      = "us-east-1"
  keys = {
    data = { description = "Data" }
    logs = { description = "Logs", services = ["sns.amazonaws.com"], log_groups = true }
  }
}

run "keys_rotate_and_can_be_brought_back" {
  command = plan

  assert {
    condition = alltrue([
      for key in aws_kms_key.this : key.enable_key_rotation && key.rotation_period_in_days == 365 && key.deletion_window_in_days == 30
    ])
    error_message = "Every key must rotate yearly and have the longest deletion window."
  }

  assert {
    condition     = output.alias_names == { data = "alias/shoplake-test-data", logs = "alias/shoplake-test-logs" }
    error_message = "An alias is the prefix and the purpose."
  }
}

run "a_key_serves_its_own_account_alone" {
  command = plan

  assert {
    condition     = [for s in jsondecode(aws_kms_key.this["data"].policy).Statement : s.Sid] == ["AccountAdministersThroughIam"]
    error_message = "A key without services must be the account's alone."
  }

  assert {
    condition     = jsondecode(aws_kms_key.this["logs"].policy).Statement[1].Condition == { StringEquals = { "aws:SourceAccount" = "111122223333" } }
    error_message = "A service must use the key for this account alone."
  }

  assert {
    condition = alltrue([
      for s in jsondecode(aws_kms_key.this["logs"].policy).Statement : s.Principal != "*" && try(s.Principal.AWS, "") != "*"
    ])
    error_message = "No key may be everyone's."
  }
}

run "bad_values_are_refused" {
  command = plan

  variables {
    name_prefix             = "-x-"
    account_id              = "42"
    region                  = "Virginia"
    keys                    = { Data_1 = { description = "Data" } }
    rotation_period_in_days = 30
    deletion_window_in_days = 1
  }

  expect_failures = [
    var.name_prefix, var.account_id, var.region, var.keys, var.rotation_period_in_days, var.deletion_window_in_days,
  ]
}

run "a_principal_that_is_no_service_is_refused" {
  command = plan

  variables {
    keys = { data = { description = "Data", services = ["*"] } }
  }

  expect_failures = [var.keys]
}
