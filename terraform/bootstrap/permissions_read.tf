# What Terraform must read to plan. Actions are named one by one, resources by the environment's name where the service
# lets them be; what AWS knows no resource for is on "*". https://docs.aws.amazon.com/service-authorization/latest/reference

locals {
  arn = {
    for service in [
      "application-autoscaling", "athena", "cloudwatch", "dynamodb", "ec2", "elasticache", "glue", "kafka", "kms", "logs", "rds",
      "rds-db", "scheduler", "secretsmanager", "sns", "ssm",
    ] : service => "arn:aws:${service}:${var.region}:${var.account_id}"
  }
  settings_arn = "${local.arn.ssm}:parameter/shoplake/${var.environment}"
  catalog      = replace(local.name_prefix, "-", "_")
  catalog_arns = ["${local.arn.glue}:catalog", "${local.arn.glue}:database/${local.catalog}"]
  log_groups = [
    for name in ["/shoplake/${local.name_prefix}/", "/aws/rds/instance/${local.name_prefix}-", "/aws/docdb/${local.name_prefix}-"] :
    "${local.arn.logs}:log-group:${name}*"
  ]
  ours       = { "aws:ResourceTag/project" = "shoplake", "aws:ResourceTag/environment" = var.environment }
  state_keys = { "aws:ResourceTag/project" = "shoplake", "aws:ResourceTag/environment" = local.tag }

  reads = { read-stores = local.read_stores, read-platform = local.read_platform }

  read_stores = [
    {
      Sid = "ReadDatabases"
      Action = [
        "rds:DescribeDBClusterParameterGroups", "rds:DescribeDBClusterParameters", "rds:DescribeDBClusters",
        "rds:DescribeDBInstances", "rds:DescribeDBParameterGroups", "rds:DescribeDBParameters", "rds:DescribeDBSubnetGroups",
        "rds:ListTagsForResource",
      ]
      # By type, since an instance is also looked for by the id that AWS drew.
      Resource = [for type in ["cluster", "cluster-pg", "db", "pg", "subgrp"] : "${local.arn.rds}:${type}:*"]
    },
    {
      Sid      = "ReadGlobalClusters"
      Action   = ["rds:DescribeGlobalClusters"]
      Resource = ["arn:aws:rds::${var.account_id}:global-cluster:*"]
    },
    {
      Sid = "ReadTables"
      Action = [
        "dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive",
        "dynamodb:ListTagsOfResource",
      ]
      Resource = ["${local.arn.dynamodb}:table/${local.name_prefix}-*"]
    },
    {
      Sid      = "ReadScaling"
      Action   = ["application-autoscaling:ListTagsForResource"]
      Resource = ["${local.arn.application-autoscaling}:scalable-target/*"]
    },
    {
      Sid = "ReadCaches"
      Action = [
        "elasticache:DescribeCacheClusters", "elasticache:DescribeCacheSubnetGroups", "elasticache:DescribeReplicationGroups",
        "elasticache:DescribeUserGroups", "elasticache:DescribeUsers", "elasticache:ListTagsForResource",
      ]
      Resource = [
        for type in ["cluster", "replicationgroup", "subnetgroup", "user", "usergroup"] :
        "${local.arn.elasticache}:${type}:${local.name_prefix}-*"
      ]
    },
    {
      Sid = "ReadStreams"
      Action = [
        "kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:DescribeConfiguration", "kafka:DescribeConfigurationRevision",
        "kafka:ListTagsForResource",
      ]
      Resource = ["${local.arn.kafka}:cluster/${local.name_prefix}-*", "${local.arn.kafka}:configuration/${local.name_prefix}-*"]
    },
    {
      Sid = "ReadBuckets"
      Action = [
        "s3:GetAccelerateConfiguration", "s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketLocation", "s3:GetBucketLogging",
        "s3:GetBucketNotification", "s3:GetBucketObjectLockConfiguration", "s3:GetBucketOwnershipControls", "s3:GetBucketPolicy",
        "s3:GetBucketPublicAccessBlock", "s3:GetBucketRequestPayment", "s3:GetBucketTagging", "s3:GetBucketVersioning",
        "s3:GetBucketWebsite", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration",
        "s3:ListBucket",
      ]
      Resource = ["arn:aws:s3:::${local.name_prefix}-*"]
    },
    {
      Sid      = "ReadCatalog"
      Action   = ["glue:GetDatabase", "glue:GetTags"]
      Resource = local.catalog_arns
    },
    {
      Sid      = "ReadQueries"
      Action   = ["athena:GetWorkGroup", "athena:ListTagsForResource"]
      Resource = ["${local.arn.athena}:workgroup/${local.name_prefix}"]
    },
    {
      Sid = "ReadWhatHasNoName"
      Action = [
        "application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies",
        "kafka:DescribeClusterOperation", "kafka:GetBootstrapBrokers",
      ]
      Resource = ["*"]
    },
  ]

  read_platform = [
    {
      Sid = "ReadNetwork"
      Action = [
        "ec2:DescribeAddresses", "ec2:DescribeAddressesAttribute", "ec2:DescribeFlowLogs", "ec2:DescribeInternetGateways",
        "ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls", "ec2:DescribeNetworkInterfaces", "ec2:DescribePrefixLists",
        "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
        "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs",
      ]
      Resource = ["*"]
    },
    {
      Sid      = "ReadVpc"
      Action   = ["ec2:DescribeVpcAttribute"]
      Resource = ["${local.arn.ec2}:vpc/*"]
    },
    {
      Sid = "ReadRoles"
      Action = [
        "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies",
        "iam:ListInstanceProfilesForRole", "iam:ListPolicyVersions", "iam:ListRolePolicies",
      ]
      Resource = [for type in ["policy", "role"] : "arn:aws:iam::${var.account_id}:${type}/${local.name_prefix}-*"]
    },
    {
      Sid       = "ReadKeys"
      Action    = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"]
      Resource  = ["${local.arn.kms}:key/*"]
      Condition = { StringEquals = local.ours }
    },
    {
      Sid      = "ReadSettings"
      Action   = ["ssm:GetParameter", "ssm:GetParameters", "ssm:ListTagsForResource"]
      Resource = ["${local.settings_arn}/*"]
    },
    {
      Sid       = "DecryptSettings"
      Action    = ["kms:Decrypt"]
      Resource  = ["${local.arn.kms}:key/*"]
      Condition = { StringEquals = merge(local.ours, { "kms:ViaService" = "ssm.${var.region}.amazonaws.com" }) }
    },
    {
      Sid      = "ReadLogs"
      Action   = ["logs:ListTagsForResource"]
      Resource = local.log_groups
    },
    {
      Sid      = "ReadAlarms"
      Action   = ["cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"]
      Resource = ["${local.arn.cloudwatch}:alarm:${local.name_prefix}-*"]
    },
    {
      Sid      = "ReadDashboard"
      Action   = ["cloudwatch:GetDashboard"]
      Resource = ["arn:aws:cloudwatch::${var.account_id}:dashboard/${local.name_prefix}"]
    },
    {
      Sid      = "ReadAlerts"
      Action   = ["sns:GetTopicAttributes", "sns:ListTagsForResource"]
      Resource = ["${local.arn.sns}:${local.name_prefix}-*"]
    },
    {
      Sid      = "ReadBudget"
      Action   = ["budgets:ListTagsForResource", "budgets:ViewBudget"]
      Resource = ["arn:aws:budgets::${var.account_id}:budget/${local.name_prefix}-*"]
    },
    {
      Sid      = "ReadSchedules"
      Action   = ["scheduler:GetSchedule"]
      Resource = ["${local.arn.scheduler}:schedule/default/${local.name_prefix}-*"]
    },
    {
      Sid = "ReadWhatHasNoName"
      Action = [
        "ce:ListCostAllocationTags", "kms:ListAliases", "logs:DescribeLogGroups", "sns:GetSubscriptionAttributes",
        "ssm:DescribeParameters",
      ]
      Resource = ["*"]
    },
    {
      Sid      = "ReadState"
      Action   = ["s3:GetObject"]
      Resource = [local.state_object_arn, "${local.state_object_arn}.tflock"]
    },
    {
      # A plan holds the lock while it reads.
      Sid      = "LockState"
      Action   = ["s3:DeleteObject", "s3:PutObject"]
      Resource = ["${local.state_object_arn}.tflock"]
    },
    {
      Sid      = "ListStates"
      Action   = ["s3:ListBucket"]
      Resource = [local.bucket_arns["state"]]
    },
    {
      Sid       = "UseStateKey"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = ["${local.arn.kms}:key/*"]
      Condition = { StringEquals = merge(local.state_keys, { "kms:ViaService" = "s3.${var.region}.amazonaws.com" }) }
    },
  ]
}
