# What Terraform must do to apply. What holds data (guards.py names the types) cannot be deleted by it: a person does
# that, with `shoplake destroy`. What it may do to roles and keys is in permissions_identity.tf.

locals {
  writes = {
    write-network       = local.write_network
    write-stores        = local.write_stores
    write-lake          = local.write_lake
    write-identity      = local.write_identity
    write-observability = local.write_observability
  }

  write_network = [
    {
      # EC2 draws its names, so account and region bound these; what is deleted must bear the environment's tags.
      Sid = "BuildNetwork"
      Action = [
        "ec2:AllocateAddress", "ec2:AssociateRouteTable", "ec2:AttachInternetGateway", "ec2:AuthorizeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateFlowLogs", "ec2:CreateInternetGateway", "ec2:CreateNatGateway",
        "ec2:CreateRoute", "ec2:CreateRouteTable", "ec2:CreateSecurityGroup", "ec2:CreateSubnet", "ec2:CreateTags",
        "ec2:CreateVpc", "ec2:CreateVpcEndpoint", "ec2:DeleteRoute", "ec2:DeleteTags", "ec2:DetachInternetGateway",
        "ec2:DisassociateRouteTable", "ec2:ModifySecurityGroupRules", "ec2:ModifySubnetAttribute", "ec2:ModifyVpcAttribute",
        "ec2:ModifyVpcEndpoint", "ec2:ReplaceRoute", "ec2:ReplaceRouteTableAssociation", "ec2:RevokeSecurityGroupEgress",
        "ec2:RevokeSecurityGroupIngress",
      ]
      Resource = [
        for type in [
          "elastic-ip", "internet-gateway", "natgateway", "route-table", "security-group", "security-group-rule", "subnet", "vpc",
          "vpc-endpoint", "vpc-flow-log",
        ] : "${local.arn.ec2}:${type}/*"
      ]
    },
    {
      Sid = "RemoveNetwork"
      Action = [
        "ec2:DeleteFlowLogs", "ec2:DeleteInternetGateway", "ec2:DeleteNatGateway", "ec2:DeleteRouteTable",
        "ec2:DeleteSecurityGroup", "ec2:DeleteSubnet", "ec2:DeleteVpc", "ec2:DeleteVpcEndpoints", "ec2:ReleaseAddress",
      ]
      Resource = [
        for type in [
          "elastic-ip", "internet-gateway", "natgateway", "route-table", "security-group", "subnet", "vpc", "vpc-endpoint",
          "vpc-flow-log",
        ] : "${local.arn.ec2}:${type}/*"
      ]
      Condition = { StringEquals = local.ours }
    },
  ]

  write_stores = [
    {
      Sid = "BuildDatabases"
      Action = [
        "rds:AddTagsToResource", "rds:CreateDBCluster", "rds:CreateDBClusterParameterGroup", "rds:CreateDBInstance",
        "rds:CreateDBInstanceReadReplica", "rds:CreateDBParameterGroup", "rds:CreateDBSubnetGroup",
        "rds:DeleteDBClusterParameterGroup", "rds:DeleteDBParameterGroup", "rds:DeleteDBSubnetGroup", "rds:ModifyDBCluster",
        "rds:ModifyDBClusterParameterGroup", "rds:ModifyDBInstance", "rds:ModifyDBParameterGroup", "rds:ModifyDBSubnetGroup",
        "rds:RebootDBInstance", "rds:RemoveTagsFromResource", "rds:ResetDBClusterParameterGroup", "rds:ResetDBParameterGroup",
      ]
      Resource = concat(
        [for type in ["cluster", "cluster-pg", "db", "pg", "subgrp"] : "${local.arn.rds}:${type}:${local.name_prefix}-*"],
        ["${local.arn.rds}:og:default:*"],
      )
    },
    {
      # An instance of DocumentDB holds no data, its cluster does.
      Sid      = "RemoveStandbys"
      Action   = ["rds:DeleteDBInstance"]
      Resource = ["${local.arn.rds}:db:${local.name_prefix}-documents-*"]
    },
    {
      # RDS and DocumentDB keep the master's password in a secret that the caller must be allowed to make.
      Sid      = "LetDatabasesKeepPasswords"
      Action   = ["secretsmanager:CreateSecret", "secretsmanager:TagResource"]
      Resource = ["${local.arn.secretsmanager}:secret:rds!*"]
    },
    {
      Sid = "BuildTables"
      Action = [
        "dynamodb:CreateTable", "dynamodb:TagResource", "dynamodb:UntagResource", "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive",
      ]
      Resource = ["${local.arn.dynamodb}:table/${local.name_prefix}-*"]
    },
    {
      Sid = "ScaleTables"
      Action = [
        "application-autoscaling:DeleteScalingPolicy", "application-autoscaling:DeregisterScalableTarget",
        "application-autoscaling:PutScalingPolicy", "application-autoscaling:RegisterScalableTarget",
        "application-autoscaling:TagResource", "application-autoscaling:UntagResource",
      ]
      Resource = ["${local.arn.application-autoscaling}:scalable-target/*"]
    },
    {
      Sid = "BuildCaches"
      Action = [
        "elasticache:AddTagsToResource", "elasticache:CreateCacheSubnetGroup", "elasticache:CreateReplicationGroup",
        "elasticache:CreateUser", "elasticache:CreateUserGroup", "elasticache:DecreaseReplicaCount",
        "elasticache:DeleteCacheSubnetGroup", "elasticache:DeleteUser", "elasticache:DeleteUserGroup",
        "elasticache:IncreaseReplicaCount", "elasticache:ModifyCacheSubnetGroup", "elasticache:ModifyReplicationGroup",
        "elasticache:ModifyUser", "elasticache:ModifyUserGroup", "elasticache:RemoveTagsFromResource",
      ]
      Resource = concat(
        [
          for type in ["cluster", "replicationgroup", "subnetgroup", "user", "usergroup"] :
          "${local.arn.elasticache}:${type}:${local.name_prefix}-*"
        ],
        ["${local.arn.elasticache}:parametergroup:default.*"],
      )
    },
    {
      Sid = "BuildStreams"
      Action = [
        "kafka:CreateCluster", "kafka:CreateClusterV2", "kafka:CreateConfiguration", "kafka:DeleteConfiguration",
        "kafka:TagResource", "kafka:UntagResource", "kafka:UpdateBrokerCount", "kafka:UpdateBrokerStorage",
        "kafka:UpdateBrokerType", "kafka:UpdateClusterConfiguration", "kafka:UpdateClusterKafkaVersion",
        "kafka:UpdateConfiguration", "kafka:UpdateMonitoring", "kafka:UpdateSecurity", "kafka:UpdateStorage",
      ]
      Resource = ["${local.arn.kafka}:cluster/${local.name_prefix}-*", "${local.arn.kafka}:configuration/${local.name_prefix}-*"]
    },
  ]

  write_lake = [
    {
      Sid = "BuildBuckets"
      Action = [
        "s3:CreateBucket", "s3:DeleteBucketPolicy", "s3:PutBucketLogging", "s3:PutBucketNotification",
        "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging",
        "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
      ]
      Resource = ["arn:aws:s3:::${local.name_prefix}-*"]
    },
    {
      Sid      = "BuildCatalog"
      Action   = ["glue:CreateDatabase", "glue:TagResource", "glue:UntagResource", "glue:UpdateDatabase"]
      Resource = local.catalog_arns
    },
    {
      Sid = "BuildQueries"
      Action = [
        "athena:CreateWorkGroup", "athena:DeleteWorkGroup", "athena:TagResource", "athena:UntagResource",
        "athena:UpdateWorkGroup",
      ]
      Resource = ["${local.arn.athena}:workgroup/${local.name_prefix}"]
    },
    {
      Sid      = "WriteState"
      Action   = ["s3:PutObject"]
      Resource = [local.state_object_arn]
    },
  ]

  write_observability = [
    {
      Sid = "BuildLogs"
      Action = [
        "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:PutRetentionPolicy", "logs:TagResource",
        "logs:UntagResource",
      ]
      Resource = local.log_groups
    },
    {
      # ElastiCache and MSK write to a log group through a delivery, which AWS knows no resource for.
      Sid = "DeliverLogs"
      Action = [
        "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeResourcePolicies", "logs:GetLogDelivery",
        "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
      ]
      Resource = ["*"]
    },
    {
      Sid      = "BuildAlarms"
      Action   = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"]
      Resource = ["${local.arn.cloudwatch}:alarm:${local.name_prefix}-*", "${local.arn.cloudwatch}:alarm:TargetTracking-table/${local.name_prefix}-*"]
    },
    {
      Sid      = "BuildDashboard"
      Action   = ["cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard"]
      Resource = ["arn:aws:cloudwatch::${var.account_id}:dashboard/${local.name_prefix}"]
    },
    {
      Sid      = "BuildAlerts"
      Action   = ["sns:CreateTopic", "sns:DeleteTopic", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource", "sns:UntagResource"]
      Resource = ["${local.arn.sns}:${local.name_prefix}-*"]
    },
    {
      Sid      = "BuildBudget"
      Action   = ["budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource"]
      Resource = ["arn:aws:budgets::${var.account_id}:budget/${local.name_prefix}-*"]
    },
    {
      Sid      = "BuildSchedules"
      Action   = ["scheduler:CreateSchedule", "scheduler:DeleteSchedule", "scheduler:UpdateSchedule"]
      Resource = ["${local.arn.scheduler}:schedule/default/${local.name_prefix}-*"]
    },
    {
      Sid      = "ChangeWhatHasNoName"
      Action   = ["ce:UpdateCostAllocationTagsStatus", "sns:Unsubscribe"]
      Resource = ["*"]
    },
  ]
}
