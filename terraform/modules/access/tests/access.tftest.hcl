mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  name_prefix = "shoplake-test"
  account_id  = "111122223333"
  region      = "eu-west-1"
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

  variables {
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.this : role.permissions_boundary == var.permissions_boundary_arn])
    error_message = "Every role must have the boundary."
  }
}

run "a_wildcard_in_a_workload_is_refused" {
  command = plan

  variables {
    workloads = { reader = { description = "Reads all", read_tables = [{ arn = "arn:aws:dynamodb:*:*:table/*" }] } }
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
