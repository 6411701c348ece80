mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  # Known while planning, as AWS makes it.
  override_during = plan
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:us-east-1:111122223333:shoplake-test-alerts" }
  }
}

variables {
  name_prefix        = "shoplake-test"
  environment        = "test"
  account_id         = "111122223333"
  region             = "us-east-1"
  kms_key_arn        = "arn:aws:kms:us-east-1:111122223333:key/0f0f0f0f-0000-0000-0000-000000000000"
  alert_emails       = ["team@example.com"]
  monthly_budget_usd = 100
  log_groups         = { "/shoplake/test" = 365 }
  alarms = {
    disk = { description = "Disk", namespace = "AWS/RDS", metric = "FreeStorageSpace", dimensions = { DBInstanceIdentifier = "db" }, threshold = 1, below = true }
  }
}

run "logs_and_alerts_are_encrypted_with_our_key" {
  command = plan

  assert {
    condition     = aws_sns_topic.alerts.kms_master_key_id == var.kms_key_arn && alltrue([for g in aws_cloudwatch_log_group.this : g.kms_key_id == var.kms_key_arn])
    error_message = "The key must be ours."
  }

  assert {
    condition     = [for s in jsondecode(aws_sns_topic_policy.alerts.policy).Statement : s.Effect] == ["Allow", "Deny"]
    error_message = "The topic must refuse plain HTTP."
  }
}

run "an_alarm_reaches_the_topic_and_the_dashboard" {
  command = plan

  assert {
    condition     = alltrue([for a in aws_cloudwatch_metric_alarm.this : a.alarm_actions == toset([aws_sns_topic.alerts.arn]) && a.comparison_operator == "LessThanThreshold"])
    error_message = "An alarm must tell somebody."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets[0].properties.metrics == [["AWS/RDS", "FreeStorageSpace", "DBInstanceIdentifier", "db"]]
    error_message = "The dashboard must show what the alarm watches."
  }
}

run "the_budget_counts_the_environment_and_warns_of_the_forecast" {
  command = plan

  assert {
    condition     = one(aws_budgets_budget.monthly.cost_filter).values == tolist(["user:environment$test"])
    error_message = "The budget must count what is tagged with the environment."
  }

  assert {
    condition     = toset([for n in aws_budgets_budget.monthly.notification : "${n.notification_type} ${n.threshold}"]) == toset(["ACTUAL 80", "FORECASTED 100"])
    error_message = "The budget must warn before and ahead."
  }
}

run "bad_values_are_refused" {
  command = plan

  variables {
    name_prefix        = "-x-"
    environment        = "Prod!"
    account_id         = "42"
    region             = "Virginia"
    kms_key_arn        = "alias/logs"
    alert_emails       = []
    monthly_budget_usd = 0
    log_groups         = { "/shoplake/test" = 90 }
    alarms = {
      disk = { description = "Disk", namespace = "AWS/RDS", metric = "M", dimensions = {}, threshold = 1, statistic = "p99", missing = "maybe" }
    }
  }

  expect_failures = [
    var.name_prefix, var.environment, var.account_id, var.region, var.kms_key_arn, var.alert_emails,
    var.monthly_budget_usd, var.log_groups, var.alarms,
  ]
}
