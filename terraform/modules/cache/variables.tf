variable "name_prefix" {
  description = "Name prefix of the cache and its groups, for example `shoplake-dev`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix must be 3 to 32 lower-case letters, digits and hyphens, and begin with a letter."
  }
}

variable "network" {
  description = "Network of the store: the VPC, its data subnets, and the security groups of its clients by name."
  type = object({
    vpc_id     = string
    subnet_ids = list(string)
    clients    = map(string)
  })

  validation {
    condition     = length(var.network.subnet_ids) >= 2
    error_message = "network.subnet_ids must name subnets in at least two zones."
  }

  validation {
    condition     = length(var.network.clients) > 0
    error_message = "network.clients must name a security group, or nobody could connect."
  }
}

variable "kms_key_arn" {
  description = "Customer-managed key for the nodes' memory on disk and the snapshots."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "engine_version" {
  description = "Valkey version, major.minor."
  type        = string
  default     = "8.0"

  validation {
    condition     = can(regex("^(7\\.2|8\\.[0-9])$", var.engine_version))
    error_message = "engine_version must be a Valkey version, such as 8.0."
  }
}

variable "node_type" {
  description = "ElastiCache node type."
  type        = string
  default     = "cache.t4g.small"

  validation {
    condition     = startswith(var.node_type, "cache.")
    error_message = "node_type must be an ElastiCache type, such as cache.t4g.small."
  }
}

variable "nodes" {
  description = "Number of nodes: one primary and replicas in different zones, with automatic failover."
  type        = number
  default     = 2

  validation {
    condition     = var.nodes >= 2 && var.nodes <= 6
    error_message = "nodes must be from 2 to 6: without a replica nothing takes over."
  }
}

variable "users" {
  description = "Users by workload, with their Valkey ACL rules. They log in with IAM."
  type        = map(string)
  default     = { app = "on ~* +@all -@dangerous" }

  validation {
    condition     = length(var.users) > 0 && alltrue([for name in keys(var.users) : can(regex("^[a-z][a-z0-9-]{0,15}$", name))])
    error_message = "users needs at least one user, named by at most 16 lower-case letters, digits and hyphens."
  }

  validation {
    condition     = alltrue([for rules in values(var.users) : startswith(rules, "on ") && !strcontains(rules, "nopass")])
    error_message = "A user's rules begin with `on` and never say nopass."
  }
}

variable "snapshot_retention_days" {
  description = "Retention of daily snapshots, in days; 0 takes none."
  type        = number
  default     = 7

  validation {
    condition     = var.snapshot_retention_days >= 0 && var.snapshot_retention_days <= 35
    error_message = "ElastiCache keeps snapshots for 0 to 35 days."
  }
}

variable "final_snapshot" {
  description = "Whether a snapshot is taken before the cache is deleted."
  type        = bool
  default     = true
}

variable "log_group_name" {
  description = "Log group for the slow log."
  type        = string
}
