variable "name_prefix" {
  description = "Begins the name of the instance and its groups, for example `shoplake-dev`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix must be 3 to 32 lower-case letters, digits and hyphens, and begin with a letter."
  }
}

variable "engine_version" {
  description = "Postgres version, major (`18`, RDS picks the minor) or major.minor."
  type        = string
  default     = "18"

  validation {
    condition     = can(regex("^1[4-9](\\.[0-9]+)?$", var.engine_version))
    error_message = "engine_version must be a Postgres version from 14 to 19, such as 18 or 18.1."
  }
}

variable "instance_class" {
  description = "RDS instance class."
  type        = string
  default     = "db.t4g.medium"

  validation {
    condition     = startswith(var.instance_class, "db.")
    error_message = "instance_class must be an RDS class, such as db.t4g.medium."
  }
}

variable "database_name" {
  description = "Database made with the instance."
  type        = string
  default     = "shoplake"

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.database_name))
    error_message = "database_name must be lower-case letters, digits and underscores, and begin with a letter."
  }
}

variable "username" {
  description = "Master user. RDS reserves some names, such as `rdsadmin`."
  type        = string
  default     = "shoplake"

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.username)) && !contains(["admin", "rdsadmin"], var.username)
    error_message = "username must be lower-case letters, digits and underscores, and not one RDS reserves."
  }
}

variable "password" {
  description = "Master password, write-only: it enters neither plan nor state. Used only with `password_version`."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true
}

variable "password_version" {
  description = "Changes whenever `password` does. Null lets RDS make, keep and rotate the password itself."
  type        = number
  default     = null
}

variable "port" {
  description = "TCP port of the instance."
  type        = number
  default     = 5432

  validation {
    condition     = var.port >= 1150 && var.port <= 65535
    error_message = "RDS takes ports from 1150 to 65535."
  }
}

variable "storage_gb" {
  description = "Disk at first, in GiB."
  type        = number
  default     = 20

  validation {
    condition     = var.storage_gb >= 20
    error_message = "gp3 storage begins at 20 GiB."
  }
}

variable "max_storage_gb" {
  description = "How far the disk may grow by itself, in GiB; 0 never grows it."
  type        = number
  default     = 100

  validation {
    condition     = var.max_storage_gb == 0 || var.max_storage_gb > var.storage_gb
    error_message = "max_storage_gb must be 0 or more than storage_gb."
  }
}

variable "kms_key_arn" {
  description = "Customer-managed key for the disk; null uses the account's RDS key. It is always encrypted."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "subnet_ids" {
  description = "Subnets of the instance, in two zones or more; empty uses the account's default VPC."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.subnet_ids) != 1
    error_message = "RDS needs subnets in at least two zones, or none for the default VPC."
  }
}

variable "security_group_ids" {
  description = "Security groups of the instance; empty uses the VPC's default group."
  type        = list(string)
  default     = []
}

variable "multi_az" {
  description = "Whether a standby runs in a second zone."
  type        = bool
  default     = true
}

variable "force_tls" {
  description = "Whether connections without TLS are refused (`rds.force_ssl`)."
  type        = bool
  default     = true
}

variable "parameters" {
  description = "Further dynamic Postgres parameters by name."
  type        = map(string)
  default     = {}

  validation {
    condition     = !contains(keys(var.parameters), "rds.force_ssl")
    error_message = "rds.force_ssl is set by force_tls."
  }
}

variable "iam_authentication" {
  description = "Whether IAM roles may log in with short-lived tokens."
  type        = bool
  default     = true
}

variable "backup_retention_days" {
  description = "How far back a restore to any second may go, in days; 0 keeps no backup."
  type        = number
  default     = 7

  validation {
    condition     = var.backup_retention_days >= 0 && var.backup_retention_days <= 35
    error_message = "RDS keeps backups for 0 to 35 days."
  }
}

variable "deletion_protection" {
  description = "Whether the instance refuses to be deleted."
  type        = bool
  default     = true
}

variable "final_snapshot" {
  description = "Whether a snapshot is taken before the instance is deleted."
  type        = bool
  default     = true
}
