# ElastiCache for Valkey: TLS, encrypted with a key of ours, login by IAM alone, so that there is no password to keep.

locals {
  name = "${var.name_prefix}-cache"
}

resource "aws_elasticache_subnet_group" "this" {
  name        = local.name
  description = "Subnets of ${local.name}"
  subnet_ids  = var.network.subnet_ids
}

resource "aws_security_group" "this" {
  name        = local.name
  description = "Valkey of ${var.name_prefix}"
  vpc_id      = var.network.vpc_id

  tags = { Name = local.name }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.network.clients

  security_group_id            = aws_security_group.this.id
  description                  = "Valkey from ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
  referenced_security_group_id = each.value
}

resource "aws_elasticache_user" "this" {
  for_each = var.users

  user_id       = "${local.name}-${each.key}"
  user_name     = "${local.name}-${each.key}" # IAM wants name and id to be the same
  engine        = "valkey"
  access_string = each.value

  authentication_mode {
    type = "iam"
  }
}

resource "aws_elasticache_user_group" "this" {
  user_group_id = local.name
  engine        = "valkey"
  user_ids      = [for user in aws_elasticache_user.this : user.user_id]
}

resource "aws_elasticache_replication_group" "this" {
  replication_group_id = local.name
  description          = "Live board of ${var.name_prefix}"
  engine               = "valkey"
  engine_version       = var.engine_version
  node_type            = var.node_type
  port                 = 6379

  num_cache_clusters         = var.nodes
  automatic_failover_enabled = true
  multi_az_enabled           = true

  at_rest_encryption_enabled = true
  kms_key_id                 = var.kms_key_arn
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  user_group_ids             = [aws_elasticache_user_group.this.user_group_id]

  subnet_group_name  = aws_elasticache_subnet_group.this.name
  security_group_ids = [aws_security_group.this.id]

  snapshot_retention_limit   = var.snapshot_retention_days
  final_snapshot_identifier  = var.final_snapshot ? "${local.name}-final" : null
  auto_minor_version_upgrade = true

  log_delivery_configuration {
    destination      = var.log_group_name
    destination_type = "cloudwatch-logs"
    log_format       = "json"
    log_type         = "slow-log"
  }
}
