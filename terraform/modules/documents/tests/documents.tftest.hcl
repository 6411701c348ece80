mock_provider "aws" {}

variables {
  name_prefix = "shoplake-test"
  kms_key_arn = "arn:aws:kms:us-east-1:111122223333:key/0f0f0f0f-0000-0000-0000-000000000000"
  network     = { vpc_id = "vpc-1", subnet_ids = ["subnet-a", "subnet-b"], clients = { workloads = "sg-1" } }
}

run "the_cluster_is_safe_by_default" {
  command = plan

  assert {
    condition     = aws_docdb_cluster.this.storage_encrypted && aws_docdb_cluster.this.kms_key_id == var.kms_key_arn
    error_message = "The key must be ours."
  }

  assert {
    condition     = aws_docdb_cluster.this.deletion_protection && !aws_docdb_cluster.this.skip_final_snapshot
    error_message = "The cluster must be protected, and leave a snapshot."
  }

  assert {
    condition     = aws_docdb_cluster.this.manage_master_user_password && aws_docdb_cluster.this.backup_retention_period == 7
    error_message = "AWS must make the password and keep a week of backups."
  }

  assert {
    condition     = contains([for p in aws_docdb_cluster_parameter_group.this.parameter : "${p.name}=${p.value}"], "tls=enabled")
    error_message = "Connections without TLS must be refused."
  }

  assert {
    condition     = length(aws_docdb_cluster_instance.this) == 2 && aws_docdb_cluster_parameter_group.this.family == "docdb5.0"
    error_message = "There must be a standby, and the family follows the version."
  }
}

run "bad_values_are_refused" {
  command = plan

  variables {
    name_prefix           = "-x-"
    kms_key_arn           = "alias/data"
    engine_version        = "latest"
    instances             = { a = "t4g.medium" }
    username              = "admin"
    backup_retention_days = 0
    network               = { vpc_id = "vpc-1", subnet_ids = ["subnet-a"], clients = {} }
  }

  expect_failures = [
    var.name_prefix, var.kms_key_arn, var.engine_version, var.instances, var.username, var.backup_retention_days, var.network,
  ]
}
