# DocumentDB: TLS, encrypted with a key of ours, and a password that AWS makes and keeps.

locals {
  name   = "${var.name_prefix}-documents"
  family = "docdb${join(".", slice(split(".", var.engine_version), 0, 2))}"
}

resource "aws_docdb_subnet_group" "this" {
  name        = local.name
  description = "Subnets of ${local.name}"
  subnet_ids  = var.network.subnet_ids
}

resource "aws_security_group" "this" {
  name        = local.name
  description = "DocumentDB of ${var.name_prefix}"
  vpc_id      = var.network.vpc_id

  tags = { Name = local.name }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.network.clients

  security_group_id            = aws_security_group.this.id
  description                  = "MongoDB protocol from ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = 27017
  to_port                      = 27017
  referenced_security_group_id = each.value
}

resource "aws_docdb_cluster_parameter_group" "this" {
  name        = local.name
  family      = local.family
  description = "Parameters of ${local.name}"

  parameter {
    name  = "tls"
    value = "enabled"
  }

  parameter {
    name  = "audit_logs"
    value = "enabled"
  }

  parameter {
    name  = "profiler"
    value = "enabled"
  }
}

resource "aws_docdb_cluster" "this" {
  cluster_identifier = local.name
  engine             = "docdb"
  engine_version     = var.engine_version
  port               = 27017

  master_username             = var.username
  manage_master_user_password = true

  storage_encrypted = true
  kms_key_id        = var.kms_key_arn

  db_subnet_group_name            = aws_docdb_subnet_group.this.name
  vpc_security_group_ids          = [aws_security_group.this.id]
  db_cluster_parameter_group_name = aws_docdb_cluster_parameter_group.this.name
  enabled_cloudwatch_logs_exports = ["audit", "profiler"]

  backup_retention_period   = var.backup_retention_days
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = !var.final_snapshot
  final_snapshot_identifier = var.final_snapshot ? "${local.name}-final" : null
}

resource "aws_docdb_cluster_instance" "this" {
  for_each = var.instances

  identifier         = "${local.name}-${each.key}"
  cluster_identifier = aws_docdb_cluster.this.id
  instance_class     = each.value
  ca_cert_identifier = "rds-ca-rsa2048-g1"

  auto_minor_version_upgrade = true
  copy_tags_to_snapshot      = true
}
