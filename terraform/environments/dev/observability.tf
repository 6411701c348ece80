# What a person is told of. The log groups come before what writes to them, so that they have our key and an end.

locals {
  log_groups = {
    cache     = "/shoplake/${local.name_prefix}/cache"
    stream    = "/shoplake/${local.name_prefix}/stream"
    postgres  = "/aws/rds/instance/${local.name_prefix}-postgres/postgresql"
    upgrade   = "/aws/rds/instance/${local.name_prefix}-postgres/upgrade"
    audit     = "/aws/docdb/${local.name_prefix}-documents/audit"
    profiler  = "/aws/docdb/${local.name_prefix}-documents/profiler"
    workloads = "/shoplake/${local.name_prefix}/workloads"
  }
  postgres  = { DBInstanceIdentifier = "${local.name_prefix}-postgres" }
  documents = { DBClusterIdentifier = "${local.name_prefix}-documents" }
  cache_id  = { ReplicationGroupId = "${local.name_prefix}-cache" }
  stream_id = { "Cluster Name" = "${local.name_prefix}-stream" }
}

module "observability" {
  source = "../../modules/observability"

  name_prefix          = local.name_prefix
  environment          = var.environment
  account_id           = var.account_id
  region               = var.region
  kms_key_arn          = module.keys.key_arns["logs"]
  alert_emails         = var.alert_emails
  monthly_budget_usd   = var.monthly_budget_usd
  cost_allocation_tags = var.cost_allocation_tags
  log_groups           = { for name in values(local.log_groups) : name => var.log_retention_days }

  alarms = merge(
    {
      postgres-cpu      = { description = "Postgres is busy", namespace = "AWS/RDS", metric = "CPUUtilization", dimensions = local.postgres, threshold = 85 }
      postgres-disk     = { description = "Postgres has less than 5 GiB left", namespace = "AWS/RDS", metric = "FreeStorageSpace", dimensions = local.postgres, threshold = 5 * 1024 * 1024 * 1024, below = true }
      documents-cpu     = { description = "DocumentDB is busy", namespace = "AWS/DocDB", metric = "CPUUtilization", dimensions = local.documents, threshold = 85 }
      cache-memory      = { description = "Valkey is nearly full", namespace = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage", dimensions = local.cache_id, threshold = 85 }
      stream-offline    = { description = "Kafka partitions are offline", namespace = "AWS/Kafka", metric = "OfflinePartitionsCount", dimensions = local.stream_id, statistic = "Maximum", threshold = 0, periods = 1 }
      stream-controller = { description = "Kafka has no controller", namespace = "AWS/Kafka", metric = "ActiveControllerCount", dimensions = local.stream_id, statistic = "Maximum", threshold = 1, below = true }
    },
    {
      for name in ["sessions", "orders", "checkpoints"] : "dynamodb-${name}-throttled" => {
        description = "DynamoDB throttles writes of ${name}"
        namespace   = "AWS/DynamoDB"
        metric      = "WriteThrottleEvents"
        dimensions  = { TableName = "${local.name_prefix}-${name}" }
        statistic   = "Sum"
        threshold   = 10
        missing     = "notBreaching"
      }
    },
  )
}
