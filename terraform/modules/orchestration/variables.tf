variable "name_prefix" {
  description = "Name prefix of the cluster, the service and the role, for example `shoplake-dev`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix must be 3 to 32 lower-case letters, digits and hyphens, and begin with a letter."
  }
}

variable "environment" {
  description = "Environment whose settings the workflows read."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.environment))
    error_message = "environment must be the name of an environment, such as dev."
  }
}

variable "account_id" {
  description = "Account whose ECS may take the role; that of other accounts may not (confused deputy)."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits."
  }
}

variable "image" {
  description = "Image with the extras `orchestrate`, `warehouse` and `catalog`, by digest: a tag could change under a running service."
  type        = string

  validation {
    condition     = can(regex("^[^@]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must end with a digest: REPOSITORY@sha256:64 hexadecimal digits."
  }
}

variable "repository_arn" {
  description = "ECR repository of the image."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:ecr:[a-z0-9-]+:[0-9]{12}:repository/[a-z0-9._/-]+$", var.repository_arn))
    error_message = "repository_arn must be the ARN of an ECR repository, without a wildcard."
  }
}

variable "task_role_arn" {
  description = "Role of the workflows, from the module `access`: what they read and write."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/", var.task_role_arn))
    error_message = "task_role_arn must be the ARN of an IAM role."
  }
}

variable "permissions_boundary_arn" {
  description = "Permission boundary of the role that starts the task; null sets none."
  type        = string

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:policy/", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of an IAM policy, or null."
  }
}

variable "network" {
  description = "Private subnets, and the security group that the stores let in."
  type        = object({ subnet_ids = list(string), security_group_id = string })

  validation {
    condition     = length(var.network.subnet_ids) >= 2
    error_message = "network.subnet_ids must name subnets in at least two zones."
  }
}

variable "log_group" {
  description = "Log group of the output."
  type        = object({ name = string, arn = string })

  validation {
    condition     = startswith(var.log_group.name, "/") && can(regex("^arn:[a-z-]+:logs:[a-z0-9-]+:[0-9]{12}:log-group:[^*]+$", var.log_group.arn))
    error_message = "log_group must have a name that begins with / and the ARN of a log group, without :*."
  }
}

variable "size" {
  description = "CPU units, memory, disk and processor of the task. The servers take 700 MB, and each of two runs what its steps take."
  type = object({
    cpu          = optional(number, 1024)
    memory_mb    = optional(number, 4096)
    disk_gib     = optional(number, 30)
    architecture = optional(string, "ARM64")
  })
  default = {}

  validation {
    condition     = contains([512, 1024, 2048, 4096, 8192, 16384], var.size.cpu) && var.size.memory_mb >= 2 * var.size.cpu && var.size.memory_mb <= 8 * var.size.cpu && var.size.memory_mb >= 2048
    error_message = "size.cpu must be 512 to 16384, a power of two; size.memory_mb 2 to 8 times of it, and at least 2048."
  }

  validation {
    condition     = var.size.disk_gib >= 21 && var.size.disk_gib <= 200
    error_message = "size.disk_gib must be 21 to 200."
  }

  validation {
    condition     = contains(["ARM64", "X86_64"], var.size.architecture)
    error_message = "size.architecture must be ARM64 or X86_64."
  }
}

variable "port" {
  description = "Port of the web pages, on the task's loopback address."
  type        = number
  default     = 3000

  validation {
    condition     = var.port >= 1024 && var.port <= 65535
    error_message = "port must be 1024 to 65535."
  }
}

variable "variables" {
  description = "Further environment variables, SHOPLAKE_…; no secrets."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.variables) : startswith(name, "SHOPLAKE_")])
    error_message = "variables must begin with SHOPLAKE_."
  }
}

variable "secrets" {
  description = "Environment variables by the ARN of their secret, such as SHOPLAKE_WORKFLOW_WEBHOOK and the tokens of sources."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name, arn in var.secrets : startswith(name, "SHOPLAKE_") && can(regex("^arn:[a-z-]+:secretsmanager:[^*]+$", arn))])
    error_message = "secrets must map names that begin with SHOPLAKE_ to ARNs of secrets, without a wildcard."
  }
}

variable "secrets_key_arn" {
  description = "Key of the secrets; needed with secrets."
  type        = string
  default     = null

  validation {
    condition     = length(var.secrets) == 0 || can(regex("^arn:[a-z-]+:kms:", var.secrets_key_arn))
    error_message = "secrets_key_arn must be the ARN of a KMS key if there are secrets."
  }
}

variable "office_hours" {
  description = "When the task is stopped and started, as schedule expressions; null lets it run always."
  type        = object({ stop = string, start = string, timezone = optional(string, "UTC") })
  default     = null

  validation {
    condition     = var.office_hours == null ? true : startswith(var.office_hours.stop, "cron(") && startswith(var.office_hours.start, "cron(")
    error_message = "office_hours.stop and start must be schedule expressions, such as cron(0 20 ? * MON-FRI *)."
  }
}
