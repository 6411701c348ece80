mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  environment       = "dev"
  account_id        = "111111111111"
  github_owner      = "example"
  github_repository = "shoplake"
}

run "the_states_are_versioned_logged_and_named_after_the_account" {
  command = plan

  assert {
    condition     = output.state_bucket == "shoplake-state-111111111111" && alltrue([for v in aws_s3_bucket_versioning.this : v.versioning_configuration[0].status == "Enabled"])
    error_message = "backend.hcl names the bucket so, and a lost state must be found again."
  }

  assert {
    condition     = keys(aws_s3_bucket_logging.this) == ["state"] && keys(aws_s3_bucket.this) == ["access-logs", "state"]
    error_message = "Who reads a state must be logged, in a bucket that does not log itself."
  }

  assert {
    condition     = alltrue([for p in aws_s3_bucket_policy.this : jsondecode(p.policy).Statement[0].Condition == { Bool = { "aws:SecureTransport" = "false" } }])
    error_message = "Plain HTTP must be denied."
  }
}

run "each_role_trusts_one_workflow" {
  command = plan

  assert {
    condition = { for key, role in aws_iam_role.github : key => jsondecode(role.assume_role_policy).Statement[0].Condition } == {
      for key, subject in { plan = "dev-plan", apply = "dev" } : key => {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = "repo:example/shoplake:environment:${subject}"
        }
      }
    }
    error_message = "Subject and audience must be exact."
  }
}

run "a_plan_only_reads_and_an_apply_writes_too" {
  command = plan

  assert {
    condition     = [for one in values(local.attachments) : one.policy if one.role == "plan"] == ["read-platform", "read-stores"]
    error_message = "The role that plans must have no policy that writes."
  }

  assert {
    condition     = length([for one in values(local.attachments) : one.policy if one.role == "apply"]) == 7
    error_message = "IAM attaches 10 policies to a role at most."
  }

  assert {
    condition = alltrue(flatten([
      for statements in values(local.reads) : [
        for statement in statements : [
          for action in statement.Action : can(regex("^[a-z0-9-]+:(Get|List|Describe|View)", action))
        ] if !contains(["LockState", "UseStateKey", "DecryptSettings"], statement.Sid)
      ]
    ]))
    error_message = "What is read must be read only, but for the state's lock and the keys of state and settings."
  }
}

run "an_apply_makes_no_role_without_the_boundary" {
  command = plan

  assert {
    condition     = output.boundary_arn == "arn:aws:iam::111111111111:policy/shoplake-bootstrap-dev-boundary"
    error_message = "The environment's roots know the boundary by this name."
  }

  assert {
    condition = alltrue([
      for statement in local.write_identity :
      try(statement.Condition.StringEquals["iam:PermissionsBoundary"], "") == output.boundary_arn
      if length(setintersection(statement.Action, ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"])) > 0
    ])
    error_message = "Every role that is made or given a policy must have the boundary."
  }

  assert {
    condition     = !contains(flatten([for statement in local.write_identity : statement.Action]), "iam:DeleteRolePermissionsBoundary")
    error_message = "The boundary must stay."
  }
}

run "bad_values_are_refused" {
  command = plan

  variables {
    environment       = "local"
    account_id        = "000000000000"
    region            = "Virginia"
    github_owner      = "*"
    github_repository = "example/shoplake"
  }

  expect_failures = [var.environment, var.account_id, var.region, var.github_owner, var.github_repository]
}
