mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name_prefix = "shoplake-test"
  account_id  = "111122223333"
  region      = "eu-west-1"

  permissions_boundary_arn = "arn:aws:iam::111122223333:policy/shoplake-bootstrap-test-boundary"

  workloads = {
    lake-sink = {
      description    = "Writes the lake"
      settings_paths = ["arn:aws:ssm:eu-west-1:111122223333:parameter/shoplake/test"]
      write_objects  = [{ bucket_arn = "arn:aws:s3:::shoplake-test-curated", prefix = "warehouse" }]
      write_catalogs = ["shoplake_test"]
    }
    reader = {
      description = "Reads orders"
      read_tables = [{
        arn     = "arn:aws:dynamodb:eu-west-1:111122223333:table/shoplake-test-orders"
        indexes = ["by_status"]
      }]
    }
  }
}

run "a_role_per_workload_trusts_services_of_its_own_account" {
  command = plan

  assert {
    condition     = output.role_names == { lake-sink = "shoplake-test-lake-sink", reader = "shoplake-test-reader" }
    error_message = "There must be one role for each workload."
  }

  assert {
    condition = alltrue([
      for role in aws_iam_role.this : jsondecode(role.assume_role_policy).Statement == [{
        Sid       = "WorkloadOfThisAccount"
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = ["ecs-tasks.amazonaws.com"] }
        Condition = { StringEquals = { "aws:SourceAccount" = "111122223333" } }
      }]
    ])
    error_message = "A role must trust the named service, for this account alone."
  }
}

run "a_workload_gets_what_it_uses_and_nothing_else" {
  command = plan

  assert {
    condition = [for s in jsondecode(output.policies["lake-sink"]).Statement : s.Sid] == [
      "ReadSettingsTree", "ListBuckets", "ReadObjects", "WriteObjects", "ReadCatalog", "WriteCatalog",
    ]
    error_message = "The lake sink must have no other statements."
  }

  assert {
    condition     = [for s in jsondecode(output.policies["reader"]).Statement : s.Sid] == ["ReadTables", "ScanTables"]
    error_message = "The reader must not be able to write."
  }

  assert {
    condition = jsondecode(output.policies["reader"]).Statement[0].Resource == [
      "arn:aws:dynamodb:eu-west-1:111122223333:table/shoplake-test-orders",
      "arn:aws:dynamodb:eu-west-1:111122223333:table/shoplake-test-orders/index/by_status",
    ]
    error_message = "The reader must query the table and the named index."
  }
}

run "no_statement_has_a_wildcard_action_or_an_unbounded_resource" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for policy in values(output.policies) : [
        for statement in jsondecode(policy).Statement : concat(
          [for action in statement.Action : !strcontains(action, "*")],
          # Only what lies inside a named folder or database may be any.
          [for resource in statement.Resource : can(regex("^arn:[^*]+$|^arn:aws:(s3|glue):[^*]+/[^*]+/\\*$", resource))],
        )
      ]
    ]))
    error_message = "Actions are named one by one, resources as closely as the service allows."
  }
}

run "a_boundary_bounds_every_role" {
  command = plan

  assert {
    condition     = alltrue([for role in aws_iam_role.this : role.permissions_boundary == var.permissions_boundary_arn])
    error_message = "Every role must have the boundary."
  }
}

run "github_takes_a_role_from_one_workflow_alone" {
  command = plan

  variables {
    workloads = {
      ci = { description = "Checks", github_subject = "repo:acme/shoplake:environment:prod", read_catalogs = ["shoplake_test"] }
    }
  }

  assert {
    condition = jsondecode(aws_iam_role.this["ci"].assume_role_policy).Statement[0].Condition == {
      StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = "repo:acme/shoplake:environment:prod"
      }
    }
    error_message = "Subject and audience must be exact."
  }

  assert {
    condition     = jsondecode(aws_iam_role.this["ci"].assume_role_policy).Statement[0].Action == "sts:AssumeRoleWithWebIdentity"
    error_message = "Only a token of GitHub takes this role."
  }
}

run "streams_caches_and_keys_are_named" {
  command = plan

  variables {
    workloads = {
      publisher = {
        description    = "Publishes"
        write_streams  = [{ cluster = "shoplake-test-stream", topics = ["orders"], transactional_ids = ["publisher"] }]
        cache_arns     = ["arn:aws:elasticache:eu-west-1:111122223333:user:app"]
        kms_keys       = ["arn:aws:kms:eu-west-1:111122223333:key/1"]
        database_users = ["arn:aws:rds-db:eu-west-1:111122223333:dbuser:db-1/app"]
      }
    }
  }

  assert {
    condition = [for s in jsondecode(output.policies["publisher"]).Statement : s.Sid] == [
      "ConnectToCaches", "ConnectToStreams", "ReadStreams", "WriteStreams", "Transact",
    ]
    error_message = "A publisher must have no other statements."
  }

  assert {
    condition     = keys(aws_iam_role_policy.late) == ["publisher"] && length(data.aws_iam_policy_document.late["publisher"].statement) == 2
    error_message = "Keys and database users stand apart."
  }
}

run "a_github_subject_with_a_wildcard_is_refused" {
  command = plan

  variables {
    workloads = { ci = { description = "Checks", github_subject = "repo:acme/shoplake:*", read_catalogs = ["shoplake_test"] } }
  }

  expect_failures = [var.workloads]
}

run "a_wildcard_in_a_workload_is_refused" {
  command = plan

  variables {
    workloads = { reader = { description = "Reads all", read_tables = [{ arn = "arn:aws:dynamodb:*:*:table/*" }] } }
  }

  expect_failures = [var.workloads]
}

run "a_wildcard_among_keys_is_refused" {
  command = plan

  variables {
    workloads = {
      reader = { description = "Reads", read_catalogs = ["shoplake_test"], kms_keys = ["arn:aws:kms:eu-west-1:111122223333:key/*"] }
    }
  }

  expect_failures = [var.workloads]
}

run "a_transactional_id_may_end_with_a_wildcard_and_be_none" {
  command = plan

  variables {
    workloads = {
      publisher = { description = "Publishes", write_streams = [{ cluster = "c", topics = ["orders"], transactional_ids = ["shoplake-publish-*"] }] }
    }
  }

  assert {
    condition = contains(
      flatten([for s in jsondecode(output.policies["publisher"]).Statement : s.Resource]),
      "arn:aws:kafka:eu-west-1:111122223333:transactional-id/c/*/shoplake-publish-*",
    )
    error_message = "The transactional ids of every run must be allowed."
  }
}

run "any_transactional_id_is_refused" {
  command = plan

  variables {
    workloads = {
      publisher = { description = "Publishes", write_streams = [{ cluster = "c", topics = ["orders"], transactional_ids = ["*"] }] }
    }
  }

  expect_failures = [var.workloads]
}

run "a_principal_that_is_no_service_is_refused" {
  command = plan

  variables {
    workloads = {
      reader = { description = "Reads", trusted_services = ["root"], read_catalogs = ["shoplake_test"] }
    }
  }

  expect_failures = [var.workloads]
}

run "a_workload_that_uses_nothing_is_refused" {
  command = plan

  variables {
    workloads = { idle = { description = "Does nothing" } }
  }

  expect_failures = [var.workloads]
}

run "a_workload_with_a_bad_name_is_refused" {
  command = plan

  variables {
    workloads = { Reader_1 = { description = "Reads", read_catalogs = ["shoplake_test"] } }
  }

  expect_failures = [var.workloads]
}

run "other_bad_values_are_refused" {
  command = plan

  variables {
    name_prefix              = "-x-"
    account_id               = "42"
    region                   = "Frankfurt"
    permissions_boundary_arn = "boundary"
  }

  expect_failures = [var.name_prefix, var.account_id, var.region, var.permissions_boundary_arn]
}
