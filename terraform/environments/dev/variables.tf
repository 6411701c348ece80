variable "environment" {
  description = "Name of the environment; part of every name and of the path of every setting."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment must be dev, staging or prod; local is a root of its own."
  }
}

variable "account_id" {
  description = "AWS account of the environment; credentials of another account are refused."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id)) && !can(regex("^0{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account, not an emulator's."
  }
}

variable "region" {
  description = "The environment's region."
  type        = string
}

variable "owner" {
  description = "Team that is responsible for the platform (tag `owner`)."
  type        = string
  default     = "data-platform"
}

variable "cost_center" {
  description = "Who pays (tag `cost-center`)."
  type        = string
  default     = "shoplake"
}

variable "data_class" {
  description = "Data classification (tag `data-class`)."
  type        = string

  validation {
    condition     = contains(["synthetic", "internal", "confidential"], var.data_class)
    error_message = "data_class must be synthetic, internal or confidential."
  }
}

variable "commit" {
  description = "Commit of the applied code (tag `commit`); `shoplake apply` sets it."
  type        = string
  default     = "unknown"

  validation {
    condition     = can(regex("^(unknown|[0-9a-f]{7,40}(-dirty)?)$", var.commit))
    error_message = "commit must be 7 to 40 hexadecimal digits, with -dirty where the checkout was changed."
  }
}

variable "github_repository" {
  description = "Repository (OWNER/NAME) whose workflow assumes the role `ci`, from the GitHub environment of the same name."
  type        = string

  validation {
    condition     = can(regex("^[\\w.-]+/[\\w.-]+$", var.github_repository))
    error_message = "github_repository must be OWNER/NAME."
  }
}

variable "deletion_protection" {
  description = "Whether stores refuse to be deleted and buckets keep their objects. `shoplake destroy` lifts it; no terraform.tfvars does."
  type        = bool
  default     = true
}

variable "final_snapshots" {
  description = "Whether stores leave a last snapshot when they are destroyed; it is kept, and paid for, until somebody deletes it."
  type        = bool
  default     = true

  validation {
    condition     = var.final_snapshots || var.environment != "prod"
    error_message = "prod always leaves last snapshots."
  }
}

variable "backup_retention_days" {
  description = "Retention of backups, in days."
  type        = number
  default     = 35

  validation {
    condition     = var.backup_retention_days >= (var.environment == "prod" ? 14 : 7) && var.backup_retention_days <= 35
    error_message = "backup_retention_days must be 7 to 35, in prod 14 or more."
  }
}

variable "log_retention_days" {
  description = "Retention of logs, in days: at least a year, a value that CloudWatch supports."
  type        = number
  default     = 365

  validation {
    condition     = contains([365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "network" {
  description = "CIDR range, zones, and NAT of the private subnets."
  type = object({
    cidr                = string
    zones               = list(string)
    nat                 = optional(string, "each")
    interface_endpoints = optional(set(string), ["ecr.api", "ecr.dkr", "kms", "logs", "secretsmanager", "ssm", "sts"])
  })
}

variable "relational" {
  description = "Size of Postgres and its standby, and their stop schedule."
  type = object({
    instance_class = string
    storage_gb     = optional(number, 50)
    max_storage_gb = optional(number, 500)
    office_hours   = optional(object({ stop = string, start = string, timezone = optional(string, "UTC") }))
  })
}

variable "cache" {
  description = "Size of Valkey: one primary and its replicas, in different zones."
  type        = object({ node_type = string, nodes = optional(number, 2) })
}

variable "documents" {
  description = "DocumentDB's instances by name, each with its class."
  type        = object({ instances = map(string) })
}

variable "stream" {
  description = "Kafka's brokers, see the module `stream`."
  type = object({
    instance_type   = string
    brokers         = number
    storage_gb      = optional(number, 100)
    retention_hours = optional(number, 168)
  })
}

variable "alert_emails" {
  description = "Who is told of alarms and of the budget."
  type        = set(string)
}

variable "monthly_budget_usd" {
  description = "Monthly budget of the environment, in US dollars."
  type        = number
}

variable "cost_allocation_tags" {
  description = "Tags to activate for cost reports; only if the account pays for the organisation."
  type        = set(string)
  default     = []
}
