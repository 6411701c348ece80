# One RDS Postgres instance with its parameter group and, given subnets, its subnet group.

locals {
  identifier     = "${var.name_prefix}-postgres"
  engine_major   = split(".", var.engine_version)[0]
  rds_has_secret = var.password_version == null

  security_group_ids = concat(var.security_group_ids, [for group in aws_security_group.this : group.id])
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

resource "aws_security_group" "this" {
  for_each = var.network == null ? {} : { (local.identifier) = var.network }

  name        = each.key
  description = "Postgres of ${var.name_prefix}"
  vpc_id      = each.value.vpc_id

  tags = { Name = each.key }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.network == null ? {} : var.network.clients

  security_group_id            = aws_security_group.this[local.identifier].id
  description                  = "Postgres from ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = var.port
  to_port                      = var.port
  referenced_security_group_id = each.value
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
  manage_master_user_password   = local.rds_has_secret ? true : null
  master_user_secret_kms_key_id = local.rds_has_secret ? var.kms_key_arn : null
  password_wo                   = local.rds_has_secret ? null : var.password
  password_wo_version           = var.password_version

  allocated_storage     = var.storage_gb
  max_allocated_storage = var.max_storage_gb
  storage_type          = "gp3"
  storage_encrypted     = true
  kms_key_id            = var.kms_key_arn

  db_subnet_group_name   = one([for group in aws_db_subnet_group.this : group.name])
  vpc_security_group_ids = local.security_group_ids
  publicly_accessible    = false
  multi_az               = var.multi_az

  parameter_group_name                = aws_db_parameter_group.this.name
  iam_database_authentication_enabled = var.iam_authentication
  auto_minor_version_upgrade          = true
  copy_tags_to_snapshot               = true
  enabled_cloudwatch_logs_exports     = var.log_exports
  ca_cert_identifier                  = var.ca_certificate

  performance_insights_enabled    = var.performance_insights
  performance_insights_kms_key_id = var.performance_insights ? var.kms_key_arn : null
  monitoring_interval             = var.monitoring_interval_s
  monitoring_role_arn             = one([for role in aws_iam_role.monitoring : role.arn])

  backup_retention_period   = var.backup_retention_days
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = !var.final_snapshot
  final_snapshot_identifier = var.final_snapshot ? "${local.identifier}-final" : null
}
