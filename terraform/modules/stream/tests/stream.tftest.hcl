mock_provider "aws" {}

variables {
  name_prefix    = "shoplake-test"
  kms_key_arn    = "arn:aws:kms:us-east-1:111122223333:key/0f0f0f0f-0000-0000-0000-000000000000"
  log_group_name = "/shoplake/test"
  network        = { vpc_id = "vpc-1", subnet_ids = ["subnet-a", "subnet-b", "subnet-c"], clients = { workloads = "sg-1" } }
}

run "brokers_are_safe_by_default" {
  command = plan

  assert {
    condition = alltrue([
      for c in aws_msk_cluster.this :
      one(one(c.encryption_info).encryption_in_transit).client_broker == "TLS" && one(c.encryption_info).encryption_at_rest_kms_key_arn == var.kms_key_arn
    ])
    error_message = "TLS alone, and the key must be ours."
  }

  assert {
    condition     = alltrue([for c in aws_msk_cluster.this : one(one(c.client_authentication).sasl).iam && !one(c.client_authentication).unauthenticated])
    error_message = "Clients must log in by IAM."
  }

  assert {
    condition = alltrue([
      for c in aws_msk_configuration.this : alltrue([
        for line in ["default.replication.factor=3", "min.insync.replicas=2", "unclean.leader.election.enable=false"] :
        strcontains(c.server_properties, line)
      ])
    ])
    error_message = "An acknowledged event must survive the loss of a broker."
  }

  assert {
    condition     = length(aws_msk_cluster.this) == 1 && length(aws_msk_serverless_cluster.this) == 0
    error_message = "Brokers are provisioned by default."
  }
}

run "null_is_serverless" {
  command = plan

  variables {
    provisioned = null
  }

  assert {
    condition     = length(aws_msk_cluster.this) == 0 && keys(aws_msk_serverless_cluster.this) == ["shoplake-test-stream"]
    error_message = "Without brokers of our own it is serverless."
  }
}

run "brokers_that_do_not_spread_evenly_are_refused" {
  command = plan

  variables {
    provisioned = { brokers = 4 }
  }

  expect_failures = [var.provisioned]
}

run "bad_values_are_refused" {
  command = plan

  variables {
    name_prefix = "-x-"
    kms_key_arn = "alias/data"
    provisioned = { instance_type = "m7g.large", storage_gb = 0 }
  }

  expect_failures = [var.name_prefix, var.kms_key_arn, var.provisioned]
}

run "one_zone_without_clients_is_refused" {
  command = plan

  variables {
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-a"], clients = {} }
  }

  expect_failures = [var.network]
}
