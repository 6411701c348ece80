mock_provider "aws" {}

variables {
  name_prefix = "shoplake-test"
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
