mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name_prefix              = "shoplake-test"
  permissions_boundary_arn = "arn:aws:iam::111122223333:policy/shoplake-bootstrap-test-boundary"
}

run "the_instance_is_safe_by_default" {
  command = plan

  assert {
    condition     = aws_db_instance.this.storage_encrypted && aws_db_instance.this.deletion_protection
    error_message = "The disk must be encrypted and the instance protected from deletion."
  }

  assert {
    condition     = !aws_db_instance.this.publicly_accessible && aws_db_instance.this.multi_az
    error_message = "The instance must be private and have a standby."
  }

  assert {
    condition     = !aws_db_instance.this.skip_final_snapshot && aws_db_instance.this.final_snapshot_identifier == "shoplake-test-postgres-final"
    error_message = "A last snapshot must be taken."
  }

  assert {
    condition     = aws_db_instance.this.backup_retention_period == 7 && aws_db_instance.this.iam_database_authentication_enabled
    error_message = "There must be a week of backups and login by IAM."
  }

  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password_wo_version == null
    error_message = "Without a password of the caller's, RDS must make and keep one."
  }

  assert {
    condition     = contains([for p in aws_db_parameter_group.this.parameter : "${p.name}=${p.value}"], "rds.force_ssl=1")
    error_message = "Connections without TLS must be refused."
  }
}

run "the_parameter_group_follows_the_major_version" {
  command = plan

  variables {
    engine_version = "17.6"
    parameters     = { log_min_duration_statement = "500" }
  }

  assert {
    condition     = aws_db_parameter_group.this.family == "postgres17" && aws_db_parameter_group.this.name == "shoplake-test-postgres-17"
    error_message = "Family and name must follow the major version."
  }

  assert {
    condition     = length(aws_db_parameter_group.this.parameter) == 2
    error_message = "Further parameters stand beside forced TLS."
  }
}

run "a_given_password_replaces_the_managed_one" {
  command = plan

  variables {
    password         = "not-in-the-plan"
    password_version = 3
  }

  assert {
    condition     = aws_db_instance.this.manage_master_user_password == null && aws_db_instance.this.password_wo_version == 3
    error_message = "A password with its version must turn RDS's own off."
  }
}

run "subnets_make_a_subnet_group" {
  command = plan

  variables {
    subnet_ids = ["subnet-a", "subnet-b"]
  }

  assert {
    condition     = aws_db_instance.this.db_subnet_group_name == "shoplake-test-postgres"
    error_message = "The instance must stand in the given subnets."
  }
}

run "a_network_lets_the_named_groups_in_and_nobody_else" {
  command = plan

  variables {
    network = { vpc_id = "vpc-1", clients = { workloads = "sg-1" } }
  }

  assert {
    condition     = alltrue([for r in aws_vpc_security_group_ingress_rule.clients : r.referenced_security_group_id == "sg-1" && r.from_port == 5432 && r.cidr_ipv4 == null])
    error_message = "Only the named groups are let in."
  }
}

run "what_it_does_is_recorded" {
  command = plan

  assert {
    condition     = aws_db_instance.this.performance_insights_enabled && aws_db_instance.this.monitoring_interval == 60
    error_message = "Performance Insights and enhanced monitoring must be on."
  }

  assert {
    condition     = toset(aws_db_instance.this.enabled_cloudwatch_logs_exports) == toset(["postgresql", "upgrade"])
    error_message = "Logs must go to CloudWatch."
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.monitoring : role.permissions_boundary == var.permissions_boundary_arn])
    error_message = "The role that monitors must be bounded."
  }
}

run "a_replica_is_as_safe_as_its_source" {
  command = plan

  variables {
    read_replicas    = { reports = "db.t4g.medium" }
    password         = "not-in-the-plan"
    password_version = 1
    kms_key_arn      = "arn:aws:kms:us-east-1:111122223333:key/0f0f0f0f-0000-0000-0000-000000000000"
  }

  assert {
    condition = alltrue([
      for r in aws_db_instance.replica : r.storage_encrypted && r.deletion_protection && r.multi_az && !r.publicly_accessible && r.kms_key_id == var.kms_key_arn
    ])
    error_message = "A replica must be encrypted, private and protected, and have a standby."
  }

  assert {
    condition     = aws_db_instance.replica["reports"].replicate_source_db == "shoplake-test-postgres"
    error_message = "A replica must follow the instance."
  }
}

run "office_hours_stop_and_start_this_instance_alone" {
  command = plan

  variables {
    kms_key_arn  = "arn:aws:kms:us-east-1:111122223333:key/0f0f0f0f-0000-0000-0000-000000000000"
    office_hours = { account_id = "111122223333", stop = "cron(0 20 ? * * *)", start = "cron(0 7 ? * MON-FRI *)" }
  }

  assert {
    condition     = data.aws_iam_policy_document.schedule["shoplake-test-postgres"].statement[0].resources == toset(["arn:aws:rds:us-east-1:111122223333:db:shoplake-test-postgres"])
    error_message = "The schedule may touch this instance alone."
  }

  assert {
    condition     = data.aws_iam_policy_document.schedule["shoplake-test-postgres"].statement[1].resources == toset([var.kms_key_arn])
    error_message = "The schedule's role must decrypt it with the key, and with no other."
  }

  assert {
    condition     = alltrue([for one in aws_scheduler_schedule.this : one.kms_key_arn == var.kms_key_arn])
    error_message = "A schedule must be encrypted with a key of ours."
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.schedule : role.permissions_boundary == var.permissions_boundary_arn])
    error_message = "The role of the schedule must be bounded."
  }

  assert {
    condition     = toset(keys(aws_scheduler_schedule.this)) == toset(["start", "stop"])
    error_message = "What stops must start again."
  }
}

run "replicas_without_backups_are_refused" {
  command = plan

  variables {
    read_replicas         = { reports = "db.t4g.medium" }
    backup_retention_days = 0
    password              = "not-in-the-plan"
    password_version      = 1
  }

  expect_failures = [var.read_replicas]
}

run "replicas_of_an_instance_whose_password_rds_keeps_are_refused" {
  command = plan

  variables {
    read_replicas = { reports = "db.t4g.medium" }
  }

  expect_failures = [var.read_replicas]
}

run "replicas_with_office_hours_are_refused" {
  command = plan

  variables {
    read_replicas    = { reports = "db.t4g.medium" }
    password         = "not-in-the-plan"
    password_version = 1
    kms_key_arn      = "arn:aws:kms:us-east-1:111122223333:key/0f0f0f0f-0000-0000-0000-000000000000"
    office_hours     = { account_id = "111122223333", stop = "cron(0 20 ? * * *)", start = "cron(0 7 ? * * *)" }
  }

  expect_failures = [var.office_hours]
}

run "office_hours_without_a_key_are_refused" {
  command = plan

  variables {
    office_hours = { account_id = "111122223333", stop = "cron(0 20 ? * * *)", start = "cron(0 7 ? * * *)" }
  }

  expect_failures = [var.office_hours]
}

run "bad_values_of_the_options_are_refused" {
  command = plan

  variables {
    read_replicas         = { Reports = "t4g.medium" }
    log_exports           = ["slow"]
    monitoring_interval_s = 7
    network               = { vpc_id = "vpc-1", clients = {} }

    permissions_boundary_arn = "shoplake-test-boundary"
  }

  expect_failures = [
    var.read_replicas, var.log_exports, var.monitoring_interval_s, var.network, var.permissions_boundary_arn,
  ]
}

run "one_subnet_is_refused" {
  command = plan

  variables {
    subnet_ids = ["subnet-a"]
  }

  expect_failures = [var.subnet_ids]
}

run "a_disk_that_cannot_grow_to_its_maximum_is_refused" {
  command = plan

  variables {
    storage_gb     = 50
    max_storage_gb = 20
  }

  expect_failures = [var.max_storage_gb]
}

run "other_bad_values_are_refused" {
  command = plan

  variables {
    name_prefix           = "9lives"
    engine_version        = "latest"
    instance_class        = "t4g.micro"
    database_name         = "shop-lake"
    username              = "rdsadmin"
    port                  = 80
    storage_gb            = 5
    kms_key_arn           = "alias/shoplake"
    backup_retention_days = 36
    parameters            = { "rds.force_ssl" = "0" }
  }

  expect_failures = [
    var.name_prefix, var.engine_version, var.instance_class, var.database_name, var.username, var.port,
    var.storage_gb, var.kms_key_arn, var.backup_retention_days, var.parameters,
  ]
}
