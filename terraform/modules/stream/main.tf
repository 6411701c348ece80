# Kafka on MSK, login by IAM alone: provisioned brokers, or serverless where `provisioned` is null.

locals {
  name = "${var.name_prefix}-stream"
}

resource "aws_security_group" "this" {
  name        = local.name
  description = "Kafka of ${var.name_prefix}"
  vpc_id      = var.network.vpc_id

  tags = { Name = local.name }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.network.clients

  security_group_id            = aws_security_group.this.id
  description                  = "Kafka with IAM from ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = 9098
  to_port                      = 9098
  referenced_security_group_id = each.value
}

resource "aws_msk_serverless_cluster" "this" {
  for_each = var.provisioned == null ? { (local.name) = var.network } : {}

  cluster_name = each.key

  vpc_config {
    subnet_ids         = each.value.subnet_ids
    security_group_ids = [aws_security_group.this.id]
  }

  client_authentication {
    sasl {
      iam {
        enabled = true
      }
    }
  }
}
