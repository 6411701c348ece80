variable "name_prefix" {
  description = "Name prefix of the instance and its groups, for example `shoplake-dev`."
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
  description = "Database that is created with the instance."
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
  description = "Change this number whenever `password` changes. With null, RDS creates, stores and rotates the password."
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
  description = "Initial disk size, in GiB."
  type        = number
  default     = 20

  validation {
    condition     = var.storage_gb >= 20
    error_message = "gp3 storage begins at 20 GiB."
  }
}

variable "max_storage_gb" {
  description = "Limit of automatic disk growth, in GiB; 0 disables it."
  type        = number
  default     = 100

  validation {
    condition     = var.max_storage_gb == 0 || var.max_storage_gb > var.storage_gb
    error_message = "max_storage_gb must be 0 or more than storage_gb."
  }
}

variable "kms_key_arn" {
  description = "Customer-managed key for disk, metrics, password and schedule; null uses the default keys of the account. All are always encrypted."
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

variable "network" {
  description = "VPC of the security group, with the security groups of its clients by name."
  type        = object({ vpc_id = string, clients = map(string) })
  default     = null

  validation {
    condition     = var.network == null ? true : length(var.network.clients) > 0
    error_message = "network.clients must name a security group, or nobody could connect."
  }
}

variable "multi_az" {
  description = "Whether a standby runs in a second zone, also of a replica."
  type        = bool
  default     = true
}

variable "force_tls" {
  description = "Whether connections without TLS are refused (`rds.force_ssl`)."
  type        = bool
  default     = true
}

variable "parameters" {
  description = "Additional dynamic Postgres parameters by name. By default, schema changes and slow statements are logged."
  type        = map(string)
  default     = { log_statement = "ddl", log_min_duration_statement = "1000" }

  validation {
    condition     = !contains(keys(var.parameters), "rds.force_ssl")
    error_message = "rds.force_ssl is set by force_tls."
  }
}

variable "iam_authentication" {
  description = "Allow IAM roles to log in with short-lived tokens."
  type        = bool
  default     = true
}

variable "backup_retention_days" {
  description = "Period of point-in-time recovery, in days; 0 keeps no backup."
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

variable "read_replicas" {
  description = "Read replicas by name, each with its instance class. They need backups and a password from the caller."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name, class in var.read_replicas : can(regex("^[a-z][a-z0-9-]{0,14}$", name)) && startswith(class, "db.")])
    error_message = "read_replicas maps a name (at most 15 lower-case letters, digits, hyphens) to a class such as db.t4g.medium."
  }

  validation {
    condition     = length(var.read_replicas) == 0 || var.backup_retention_days > 0
    error_message = "A replica is made from backups: backup_retention_days must be 1 or more."
  }

  # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html, limitations
  validation {
    condition     = length(var.read_replicas) == 0 || var.password_version != null
    error_message = "RDS makes no replica of an instance whose password it keeps: give password and password_version."
  }
}

variable "log_exports" {
  description = "Logs that go to CloudWatch."
  type        = set(string)
  default     = ["postgresql", "upgrade"]

  validation {
    condition     = length(setsubtract(var.log_exports, ["postgresql", "upgrade"])) == 0
    error_message = "log_exports may hold postgresql and upgrade."
  }
}

variable "ca_certificate" {
  description = "Certificate authority of the server certificate; null uses the default of the region."
  type        = string
  default     = null
}

variable "performance_insights" {
  description = "Whether RDS keeps a week of what the database waited for, with the instance's key."
  type        = bool
  default     = true
}

variable "monitoring_interval_s" {
  description = "Interval of enhanced monitoring, in seconds; 0 disables it."
  type        = number
  default     = 60

  validation {
    condition     = contains([0, 1, 5, 10, 15, 30, 60], var.monitoring_interval_s)
    error_message = "monitoring_interval_s must be 0, 1, 5, 10, 15, 30 or 60."
  }
}

variable "permissions_boundary_arn" {
  description = "Permission boundary of the roles for monitoring and schedule; null sets none."
  type        = string

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:policy/", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of an IAM policy, or null."
  }
}

variable "office_hours" {
  description = "Stop and start schedule of the instance, as scheduler expressions; null disables it. Not with replicas."
  type        = object({ account_id = string, stop = string, start = string, timezone = optional(string, "UTC") })
  default     = null

  validation {
    condition     = var.office_hours == null ? true : startswith(var.office_hours.stop, "cron(") && startswith(var.office_hours.start, "cron(")
    error_message = "office_hours.stop and start must be scheduler expressions, such as cron(0 20 ? * MON-FRI *)."
  }

  validation {
    condition     = var.office_hours == null || var.kms_key_arn != null
    error_message = "A schedule is encrypted with a key of ours: give kms_key_arn."
  }

  validation {
    condition     = var.office_hours == null || length(var.read_replicas) == 0
    error_message = "RDS stops no instance that has replicas."
  }
}
