mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  override_during = plan
  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com" }
  }
}

variables {
  environment       = "dev"
  account_id        = "111111111111"
  github_repository = "example/shoplake"
}

run "the_states_are_versioned_and_named_after_the_account" {
  command = plan

  assert {
    condition     = output.state_bucket == "shoplake-state-111111111111" && aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled"
    error_message = "backend.hcl names the bucket so, and a lost state must be found again."
  }

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.state.policy).Statement[0].Condition == { Bool = { "aws:SecureTransport" = "false" } }
    error_message = "Plain HTTP must be denied."
  }
}

run "each_role_trusts_one_workflow" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.github["apply"].assume_role_policy).Statement[0].Condition == {
      StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = "repo:example/shoplake:environment:dev"
      }
    }
    error_message = "Subject and audience must be exact."
  }
}

run "bad_values_are_refused" {
  command = plan

  variables {
    environment       = "local"
    account_id        = "000000000000"
    region            = "Virginia"
    github_repository = "shoplake"
  }

  expect_failures = [var.environment, var.account_id, var.region, var.github_repository]
}
