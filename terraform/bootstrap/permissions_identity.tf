# What an apply may do to roles, keys and settings. It makes no role without the boundary and cannot take the boundary
# away, nor change what bears the bootstrap's own name: so it cannot make itself more than it is.

locals {
  bounded = { "iam:PermissionsBoundary" = local.boundary_arn }
  own     = { for type in ["policy", "role"] : type => "arn:aws:iam::${var.account_id}:${type}/${local.name_prefix}-*" }

  # Where AWS acts by a role of its own, which the first use in an account makes.
  service_linked_roles = {
    "dynamodb.application-autoscaling.amazonaws.com" = "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable"
    "elasticache.amazonaws.com"                      = "AWSServiceRoleForElastiCache"
    "kafka.amazonaws.com"                            = "AWSServiceRoleForKafka"
    "rds.amazonaws.com"                              = "AWSServiceRoleForRDS"
  }

  write_identity = [
    {
      Sid = "BuildBoundedRoles"
      Action = [
        "iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy",
      ]
      Resource  = [local.own.role]
      Condition = { StringEquals = local.bounded }
    },
    {
      Sid      = "AttachToBoundedRoles"
      Action   = ["iam:AttachRolePolicy", "iam:DetachRolePolicy"]
      Resource = [local.own.role]
      Condition = {
        StringEquals = local.bounded
        ArnLike      = { "iam:PolicyARN" = [local.own.policy, "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"] }
      }
    },
    {
      Sid      = "ChangeRoles"
      Action   = ["iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription"]
      Resource = [local.own.role]
    },
    {
      Sid = "BuildPolicies"
      Action = [
        "iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:TagPolicy",
        "iam:UntagPolicy",
      ]
      Resource = [local.own.policy]
    },
    {
      Sid       = "HandRolesToServices"
      Action    = ["iam:PassRole"]
      Resource  = [local.own.role]
      Condition = { StringEquals = { "iam:PassedToService" = ["monitoring.rds.amazonaws.com", "scheduler.amazonaws.com", "vpc-flow-logs.amazonaws.com"] } }
    },
    {
      Sid       = "LetServicesMakeTheirRoles"
      Action    = ["iam:CreateServiceLinkedRole"]
      Resource  = [for service, name in local.service_linked_roles : "arn:aws:iam::${var.account_id}:role/aws-service-role/${service}/${name}"]
      Condition = { StringEquals = { "iam:AWSServiceName" = keys(local.service_linked_roles) } }
    },
    {
      Sid       = "MakeKeys"
      Action    = ["kms:CreateKey"]
      Resource  = ["*"]
      Condition = { StringEquals = { "aws:RequestTag/project" = "shoplake", "aws:RequestTag/environment" = var.environment } }
    },
    {
      Sid = "ChangeKeys"
      Action = [
        "kms:CreateAlias", "kms:DeleteAlias", "kms:EnableKeyRotation", "kms:PutKeyPolicy", "kms:TagResource", "kms:UntagResource",
        "kms:UpdateAlias", "kms:UpdateKeyDescription",
      ]
      Resource  = ["${local.arn.kms}:key/*"]
      Condition = { StringEquals = local.ours }
    },
    {
      Sid      = "NameKeys"
      Action   = ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"]
      Resource = ["${local.arn.kms}:alias/${local.name_prefix}-*"]
    },
    {
      Sid       = "LetServicesUseKeys"
      Action    = ["kms:CreateGrant"]
      Resource  = ["${local.arn.kms}:key/*"]
      Condition = { StringEquals = local.ours, Bool = { "kms:GrantIsForAWSResource" = "true" } }
    },
    {
      Sid      = "UseKeysThroughServices"
      Action   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
      Resource = ["${local.arn.kms}:key/*"]
      Condition = { StringEquals = merge(local.ours, {
        "kms:ViaService" = [for service in ["dynamodb", "elasticache", "kafka", "rds", "scheduler", "secretsmanager", "ssm"] : "${service}.${var.region}.amazonaws.com"]
      }) }
    },
    {
      Sid      = "WriteSettings"
      Action   = ["ssm:AddTagsToResource", "ssm:DeleteParameter", "ssm:PutParameter", "ssm:RemoveTagsFromResource"]
      Resource = ["${local.settings_arn}/*"]
    },
  ]
}
