mock_provider "aws" {}

variables {
  name_prefix = "shoplake-test"
  tables = {
    sessions = {
      hash_key      = { name = "pk" }
      ttl_attribute = "expires_at"
      stream        = "NEW_AND_OLD_IMAGES"
    }
    orders = {
      hash_key  = { name = "pk" }
      range_key = { name = "sk" }
      global_indexes = {
        by_status = {
          hash_key  = { name = "status" }
          range_key = { name = "placed_at", type = "N" }
        }
      }
    }
  }
}

run "tables_are_safe_by_default" {
  command = plan

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.deletion_protection_enabled])
    error_message = "Every table must be protected from deletion."
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.point_in_time_recovery[0].enabled])
    error_message = "Every table must be restorable to any second."
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.server_side_encryption[0].enabled])
    error_message = "Every table must be encrypted with KMS."
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.billing_mode == "PAY_PER_REQUEST"])
    error_message = "Tables bill per request unless told otherwise."
  }
}

run "keys_of_tables_and_indexes_are_declared_once" {
  command = plan

  assert {
    condition = toset([for a in aws_dynamodb_table.this["orders"].attribute : "${a.name}:${a.type}"]) == toset([
      "pk:S", "sk:S", "status:S", "placed_at:N",
    ])
    error_message = "orders must declare the keys of the table and of its index, with their types."
  }

  assert {
    condition     = toset([for a in aws_dynamodb_table.this["sessions"].attribute : a.name]) == toset(["pk"])
    error_message = "A TTL attribute is no key and must not be declared."
  }

  assert {
    condition     = one(aws_dynamodb_table.this["orders"].global_secondary_index).projection_type == "ALL"
    error_message = "by_status must show whole items."
  }

  assert {
    condition     = output.table_names == { sessions = "shoplake-test-sessions", orders = "shoplake-test-orders" }
    error_message = "Names must begin with the prefix."
  }
}

run "ttl_and_stream_are_set_where_asked" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.this["sessions"].ttl[0].attribute_name == "expires_at" && aws_dynamodb_table.this["sessions"].stream_enabled
    error_message = "sessions must expire and have a stream."
  }

  assert {
    condition     = length(aws_dynamodb_table.this["orders"].ttl) == 0 && !aws_dynamodb_table.this["orders"].stream_enabled
    error_message = "orders must have neither."
  }
}

run "provisioned_capacity_follows_the_load" {
  command = plan

  variables {
    tables = {
      checkpoints = {
        hash_key    = { name = "pk" }
        provisioned = { read = 5, write = 10, max_read = 50, max_write = 100 }
      }
    }
  }

  assert {
    condition = (
      aws_dynamodb_table.this["checkpoints"].billing_mode == "PROVISIONED" &&
      aws_dynamodb_table.this["checkpoints"].read_capacity == 5 && aws_dynamodb_table.this["checkpoints"].write_capacity == 10
    )
    error_message = "Capacity must begin as given."
  }

  assert {
    condition     = { for key, target in aws_appautoscaling_target.this : key => target.max_capacity } == { checkpoints-read = 50, checkpoints-write = 100 }
    error_message = "Capacity must follow the load up to its maxima."
  }

  assert {
    condition     = alltrue([for policy in aws_appautoscaling_policy.this : one(policy.target_tracking_scaling_policy_configuration).target_value == 70])
    error_message = "Capacity must be kept at 70 percent by default."
  }
}

run "provisioned_capacity_with_indexes_is_refused" {
  command = plan

  variables {
    tables = {
      orders = {
        hash_key       = { name = "pk" }
        global_indexes = { by_status = { hash_key = { name = "status" } } }
        provisioned    = { read = 5, write = 10, max_read = 50, max_write = 100 }
      }
    }
  }

  expect_failures = [var.tables]
}

run "a_key_of_unknown_type_is_refused" {
  command = plan

  variables {
    tables = { orders = { hash_key = { name = "pk", type = "string" } } }
  }

  expect_failures = [var.tables]
}

run "an_unknown_stream_view_is_refused" {
  command = plan

  variables {
    tables = { orders = { hash_key = { name = "pk" }, stream = "EVERYTHING" } }
  }

  expect_failures = [var.tables]
}

run "included_attributes_without_include_are_refused" {
  command = plan

  variables {
    tables = {
      orders = { hash_key = { name = "pk" }, global_indexes = { by = { hash_key = { name = "s" }, included = ["total"] } } }
    }
  }

  expect_failures = [var.tables]
}

run "capacity_of_nothing_is_refused" {
  command = plan

  variables {
    tables = { orders = { hash_key = { name = "pk" }, provisioned = { read = 0, write = 1, max_read = 1, max_write = 1 } } }
  }

  expect_failures = [var.tables]
}

run "no_table_is_refused" {
  command = plan

  variables {
    tables = {}
  }

  expect_failures = [var.tables]
}

run "other_bad_values_are_refused" {
  command = plan

  variables {
    name_prefix = "x"
    kms_key_arn = "alias/shoplake"
  }

  expect_failures = [var.name_prefix, var.kms_key_arn]
}
