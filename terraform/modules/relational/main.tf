# One RDS Postgres instance with its parameter group and, given subnets, its subnet group.

locals {
  identifier     = "${var.name_prefix}-postgres"
  engine_major   = split(".", var.engine_version)[0]
  rds_has_secret = var.password_version == null
}

resource "aws_db_parameter_group" "this" {
  # The family is in the name, because a new family needs a new group while the instance still uses the old one.
  name        = "${local.identifier}-${local.engine_major}"
  family      = "postgres${local.engine_major}"
  description = "Parameters of ${local.identifier}"

  dynamic "parameter" {
    for_each = merge({ "rds.force_ssl" = var.force_tls ? "1" : "0" }, var.parameters)

    content {
      name  = parameter.key
      value = parameter.value
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_subnet_group" "this" {
  for_each = length(var.subnet_ids) == 0 ? {} : { (local.identifier) = var.subnet_ids }

  name        = each.key
  description = "Subnets of ${each.key}"
  subnet_ids  = each.value
}

resource "aws_db_instance" "this" {
  identifier     = local.identifier
  engine         = "postgres"
  engine_version = var.engine_version
  instance_class = var.instance_class

  db_name  = var.database_name
  username = var.username
  port     = var.port

  # Without a password of the caller's, RDS makes one, keeps it in Secrets Manager and rotates it.
  manage_master_user_password = local.rds_has_secret ? true : null
  password_wo                 = local.rds_has_secret ? null : var.password
  password_wo_version         = var.password_version

  allocated_storage     = var.storage_gb
  max_allocated_storage = var.max_storage_gb
  storage_type          = "gp3"
  storage_encrypted     = true
  kms_key_id            = var.kms_key_arn

  db_subnet_group_name   = one([for group in aws_db_subnet_group.this : group.name])
  vpc_security_group_ids = var.security_group_ids
  publicly_accessible    = false
  multi_az               = var.multi_az

  parameter_group_name                = aws_db_parameter_group.this.name
  iam_database_authentication_enabled = var.iam_authentication
  auto_minor_version_upgrade          = true
  copy_tags_to_snapshot               = true

  backup_retention_period   = var.backup_retention_days
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = !var.final_snapshot
  final_snapshot_identifier = var.final_snapshot ? "${local.identifier}-final" : null
}
