# One role per workload. A workload is described by what it uses; the statements that follow from it are here,
# so that no caller writes an action or a wildcard.

data "aws_partition" "current" {}

locals {
  candidates = {
    for name, workload in var.workloads : name => [
      {
        Sid      = "ReadSettingsTree"
        Action   = ["ssm:GetParametersByPath"]
        Resource = workload.settings_paths
      },
      {
        Sid      = "ReadSecrets"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = workload.read_secrets
      },
      {
        Sid      = "ListBuckets"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket"]
        Resource = distinct([for area in concat(workload.read_objects, workload.write_objects) : area.bucket_arn])
      },
      {
        Sid      = "ReadObjects"
        Action   = ["s3:GetObject"]
        Resource = [for area in concat(workload.read_objects, workload.write_objects) : "${area.bucket_arn}/${area.prefix}/*"]
      },
      {
        Sid      = "WriteObjects"
        Action   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"]
        Resource = [for area in workload.write_objects : "${area.bucket_arn}/${area.prefix}/*"]
      },
      {
        Sid      = "ReadCatalog"
        Action   = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables"]
        Resource = flatten([for catalog in concat(workload.read_catalogs, workload.write_catalogs) : local.catalog_arns[catalog]])
      },
      {
        Sid      = "WriteCatalog"
        Action   = ["glue:CreateTable", "glue:UpdateTable"]
        Resource = flatten([for catalog in workload.write_catalogs : local.catalog_arns[catalog]])
      },
      {
        Sid      = "ReadTables"
        Action   = ["dynamodb:BatchGetItem", "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:Query"]
        Resource = flatten([for table in concat(workload.read_tables, workload.write_tables) : concat([table.arn], [for index in table.indexes : "${table.arn}/index/${index}"])])
      },
      {
        Sid      = "ScanTables"
        Action   = ["dynamodb:Scan"]
        Resource = [for table in workload.read_tables : table.arn]
      },
      {
        Sid      = "WriteTables"
        Action   = ["dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
        Resource = [for table in workload.write_tables : table.arn]
      },
      {
        Sid      = "ConnectToCaches"
        Action   = ["elasticache:Connect"]
        Resource = workload.cache_arns
      },
      {
        Sid      = "ConnectToStreams"
        Action   = ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster"]
        Resource = [for stream in concat(workload.read_streams, workload.write_streams) : "${local.kafka_arn}:cluster/${stream.cluster}/*"]
      },
      {
        Sid      = "ReadStreams"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
        Resource = flatten([for stream in concat(workload.read_streams, workload.write_streams) : [for topic in stream.topics : "${local.kafka_arn}:topic/${stream.cluster}/*/${topic}"]])
      },
      {
        Sid      = "JoinGroups"
        Action   = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"]
        Resource = flatten([for stream in workload.read_streams : [for group in stream.groups : "${local.kafka_arn}:group/${stream.cluster}/*/${group}"]])
      },
      {
        Sid    = "WriteStreams"
        Action = ["kafka-cluster:CreateTopic", "kafka-cluster:WriteData", "kafka-cluster:WriteDataIdempotently"]
        Resource = flatten([for stream in workload.write_streams : concat(
          ["${local.kafka_arn}:cluster/${stream.cluster}/*"],
          [for topic in stream.topics : "${local.kafka_arn}:topic/${stream.cluster}/*/${topic}"],
        )])
      },
      {
        Sid      = "Transact"
        Action   = ["kafka-cluster:AlterTransactionalId", "kafka-cluster:DescribeTransactionalId"]
        Resource = flatten([for stream in workload.write_streams : [for id in stream.transactional_ids : "${local.kafka_arn}:transactional-id/${stream.cluster}/*/${id}"]])
      },
    ]
  }

  catalog_databases = distinct(flatten([for workload in values(var.workloads) : concat(workload.read_catalogs, workload.write_catalogs)]))
  glue_arn          = "arn:${data.aws_partition.current.partition}:glue:${var.region}:${var.account_id}"

  # A cluster's ARN ends with an id that AWS draws; its name stands before.
  kafka_arn = "arn:${data.aws_partition.current.partition}:kafka:${var.region}:${var.account_id}"

  # Glue checks the catalogue, the database and the table of every call.
  catalog_arns = {
    for database in local.catalog_databases : database => [
      "${local.glue_arn}:catalog",
      "${local.glue_arn}:database/${database}",
      "${local.glue_arn}:table/${database}/*",
    ]
  }

  statements = {
    for name, candidates in local.candidates : name => [
      for statement in candidates : merge(statement, { Effect = "Allow", Resource = distinct(statement.Resource) })
      if length(statement.Resource) > 0
    ]
  }
}

resource "aws_iam_role" "this" {
  for_each = var.workloads

  name                 = "${var.name_prefix}-${each.key}"
  description          = each.value.description
  max_session_duration = 3600
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [jsondecode(local.trust[each.key])] })
}

resource "aws_iam_policy" "this" {
  for_each = var.workloads

  name        = "${var.name_prefix}-${each.key}"
  description = each.value.description
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.statements[each.key] })
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = var.workloads

  role       = aws_iam_role.this[each.key].name
  policy_arn = aws_iam_policy.this[each.key].arn
}
