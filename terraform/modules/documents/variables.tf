variable "name_prefix" {
  description = "Name prefix of the cluster and its groups, for example `shoplake-dev`."
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
  description = "Customer-managed key for the cluster's storage and backups."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "engine_version" {
  description = "DocumentDB version."
  type        = string
  default     = "5.0.0"

  validation {
    condition     = can(regex("^[4-8]\\.0\\.0$", var.engine_version))
    error_message = "engine_version must be a DocumentDB version, such as 5.0.0."
  }
}

variable "instances" {
  description = "Instances by name, each with its class. The first available instance is the writer; the others are readers and standbys."
  type        = map(string)
  default     = { a = "db.t4g.medium", b = "db.t4g.medium" }

  validation {
    condition     = length(var.instances) >= 1 && length(var.instances) <= 16 && alltrue([for class in values(var.instances) : startswith(class, "db.")])
    error_message = "instances must be 1 to 16 names, each with a class such as db.t4g.medium."
  }
}

variable "username" {
  description = "Master user; the password is created and stored in Secrets Manager."
  type        = string
  default     = "shoplake"

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.username)) && !contains(["admin", "serviceadmin"], var.username)
    error_message = "username must be lower-case letters, digits and underscores, and not one DocumentDB reserves."
  }
}

variable "backup_retention_days" {
  description = "Period of point-in-time recovery, in days."
  type        = number
  default     = 7

  validation {
    condition     = var.backup_retention_days >= 1 && var.backup_retention_days <= 35
    error_message = "DocumentDB keeps backups for 1 to 35 days."
  }
}

variable "deletion_protection" {
  description = "Whether the cluster refuses to be deleted."
  type        = bool
  default     = true
}

variable "final_snapshot" {
  description = "Whether a snapshot is taken before the cluster is deleted."
  type        = bool
  default     = true
}
