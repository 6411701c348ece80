# The most that any role of the environment may ever do, whatever is attached to it: what programs do with what bears the
# environment's name, and what AWS's services do by its roles. It is made here, by a person, and who applies the
# environment can neither change it nor make a role without it. A test holds that it covers all that the roles are given.

locals {
  boundary_name = "${local.own_prefix}-boundary"
  boundary_arn  = "arn:aws:iam::${var.account_id}:policy/${local.boundary_name}"

  boundary = [
    {
      Sid      = "ReadSettings"
      Action   = ["ssm:GetParametersByPath"]
      Resource = [local.settings_arn, "${local.settings_arn}/*"]
    },
    {
      # Those that RDS and DocumentDB keep; no other is made on AWS.
      Sid      = "ReadSecrets"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = ["${local.arn.secretsmanager}:secret:rds!*"]
    },
    {
      Sid      = "UseKeys"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = ["${local.arn.kms}:key/*"]
      Condition = { StringEquals = {
        "aws:ResourceTag/project"     = "shoplake"
        "aws:ResourceTag/environment" = var.environment
      } }
    },
    {
      Sid = "UseLake"
      Action = [
        "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:PutObject",
      ]
      Resource = ["arn:aws:s3:::${local.name_prefix}-*"]
    },
    {
      Sid    = "UseCatalog"
      Action = ["glue:CreateTable", "glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:UpdateTable"]
      Resource = [
        "${local.arn.glue}:catalog", "${local.arn.glue}:database/${local.catalog}", "${local.arn.glue}:table/${local.catalog}/*",
      ]
    },
    {
      Sid = "UseTables"
      Action = [
        "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem",
        "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan",
        "dynamodb:UpdateItem",
      ]
      Resource = ["${local.arn.dynamodb}:table/${local.name_prefix}-*"]
    },
    {
      Sid      = "ConnectToDatabases"
      Action   = ["rds-db:connect"]
      Resource = ["${local.arn.rds-db}:dbuser:*"]
    },
    {
      Sid      = "ConnectToCaches"
      Action   = ["elasticache:Connect"]
      Resource = ["${local.arn.elasticache}:replicationgroup:${local.name_prefix}-*", "${local.arn.elasticache}:user:${local.name_prefix}-*"]
    },
    {
      Sid = "UseStreams"
      Action = [
        "kafka-cluster:AlterGroup", "kafka-cluster:AlterTransactionalId", "kafka-cluster:Connect", "kafka-cluster:CreateTopic",
        "kafka-cluster:DescribeCluster", "kafka-cluster:DescribeGroup", "kafka-cluster:DescribeTopic",
        "kafka-cluster:DescribeTransactionalId", "kafka-cluster:ReadData", "kafka-cluster:WriteData",
        "kafka-cluster:WriteDataIdempotently",
      ]
      Resource = [for kind in ["cluster", "group", "topic", "transactional-id"] : "${local.arn.kafka}:${kind}/${local.name_prefix}-*"]
    },
    {
      Sid      = "StopAndStartDatabases"
      Action   = ["rds:StartDBInstance", "rds:StopDBInstance"]
      Resource = ["${local.arn.rds}:db:${local.name_prefix}-*"]
    },
    {
      Sid      = "WriteLogs"
      Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = ["${local.arn.logs}:log-group:/shoplake/${local.name_prefix}/*"]
    },
    {
      # What AWS's AmazonRDSEnhancedMonitoringRole allows.
      Sid = "ReportOperatingSystems"
      Action = [
        "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:GetLogEvents", "logs:PutLogEvents",
        "logs:PutRetentionPolicy",
      ]
      Resource = ["${local.arn.logs}:log-group:RDS*"]
    },
  ]
}

resource "aws_iam_policy" "boundary" {
  name        = local.boundary_name
  description = "The most that a role of ${local.name_prefix} may do"

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for statement in local.boundary : merge({ Effect = "Allow" }, statement)]
  })

  lifecycle {
    prevent_destroy = true
  }
}
