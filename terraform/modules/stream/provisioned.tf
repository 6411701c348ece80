# Brokers of our own size. Topics are made by the program, with replication and in-sync replicas as set here.

locals {
  brokers = { for name, size in { (local.name) = var.provisioned } : name => size if size != null }
}

resource "aws_msk_configuration" "this" {
  for_each = local.brokers

  name           = each.key
  kafka_versions = [each.value.kafka_version]

  server_properties = join("\n", [
    "auto.create.topics.enable=false",
    "default.replication.factor=${min(3, each.value.brokers)}",
    "min.insync.replicas=${min(2, each.value.brokers - 1)}",
    "unclean.leader.election.enable=false",
    "log.retention.hours=${each.value.retention_hours}",
  ])

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_msk_cluster" "this" {
  for_each = local.brokers

  cluster_name           = each.key
  kafka_version          = each.value.kafka_version
  number_of_broker_nodes = each.value.brokers
  enhanced_monitoring    = "PER_BROKER"

  configuration_info {
    arn      = aws_msk_configuration.this[each.key].arn
    revision = aws_msk_configuration.this[each.key].latest_revision
  }

  broker_node_group_info {
    instance_type   = each.value.instance_type
    client_subnets  = var.network.subnet_ids
    security_groups = [aws_security_group.this.id]

    storage_info {
      ebs_storage_info {
        volume_size = each.value.storage_gb
      }
    }
  }

  encryption_info {
    encryption_at_rest_kms_key_arn = var.kms_key_arn

    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }

  client_authentication {
    unauthenticated = false

    sasl {
      iam   = true
      scram = false
    }
  }

  logging_info {
    broker_logs {
      cloudwatch_logs {
        enabled   = true
        log_group = var.log_group_name
      }
    }
  }
}
