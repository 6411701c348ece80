mock_provider "aws" {}

variables {
  name_prefix    = "shoplake-test"
  kms_key_arn    = "arn:aws:kms:us-east-1:111122223333:key/0f0f0f0f-0000-0000-0000-000000000000"
  log_group_name = "/shoplake/test"
  network        = { vpc_id = "vpc-1", subnet_ids = ["subnet-a", "subnet-b"], clients = { workloads = "sg-1" } }
}

run "the_cache_is_safe_by_default" {
  command = plan

  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_mode == "required"
    error_message = "Connections without TLS must be refused."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.at_rest_encryption_enabled && aws_elasticache_replication_group.this.kms_key_id == var.kms_key_arn
    error_message = "The key must be ours."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_replication_group.this.multi_az_enabled
    error_message = "A replica must take over by itself."
  }

  assert {
    condition     = alltrue([for user in aws_elasticache_user.this : one(user.authentication_mode).type == "iam"])
    error_message = "Users must log in by IAM."
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.clients : rule.referenced_security_group_id == "sg-1" && rule.cidr_ipv4 == null])
    error_message = "Only the named groups are let in."
  }
}

run "a_single_node_which_fails_over_to_nobody_is_refused" {
  command = plan

  variables {
    nodes = 1
  }

  expect_failures = [var.nodes]
}

run "a_user_without_login_is_refused" {
  command = plan

  variables {
    users = { app = "on nopass ~* +@all" }
  }

  expect_failures = [var.users]
}

run "bad_values_are_refused" {
  command = plan

  variables {
    name_prefix             = "-x-"
    kms_key_arn             = "alias/data"
    engine_version          = "latest"
    node_type               = "t4g.small"
    nodes                   = 1
    snapshot_retention_days = 36
    network                 = { vpc_id = "vpc-1", subnet_ids = ["subnet-a"], clients = {} }
  }

  expect_failures = [
    var.name_prefix, var.kms_key_arn, var.engine_version, var.node_type, var.nodes, var.snapshot_retention_days, var.network,
  ]
}
