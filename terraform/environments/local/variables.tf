variable "region" {
  description = "AWS region of the emulator."
  type        = string
  default     = "us-east-1"
}

variable "emulator_account_id" {
  description = "Account id of the emulator; an apply to any other account is refused."
  type        = string
  default     = "000000000000"

  validation {
    condition     = can(regex("^0{12}$", var.emulator_account_id))
    error_message = "The local environment belongs to an emulator: its account is 000000000000."
  }
}

variable "capabilities" {
  description = "Capabilities of the emulator; resources of missing services are not created. Without Glue the Iceberg catalogue is SQL. MiniStack loses the list of logs that RDS exports."
  type = object({
    glue     = optional(bool, true)
    rds      = optional(bool, true)
    rds_logs = optional(bool, false)
  })
  default = {}
}

variable "deletion_protection" {
  description = "Whether stores refuse to be deleted and buckets keep their objects. The program gives false: an emulator is thrown away."
  type        = bool
  default     = true
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
  default     = "synthetic"

  validation {
    condition     = contains(["synthetic", "internal", "confidential"], var.data_class)
    error_message = "data_class must be synthetic, internal or confidential."
  }
}

variable "kafka_bootstrap_servers" {
  description = "Kafka brokers as host:port, comma-separated."
  type        = string

  validation {
    condition     = can(regex("^[^,: ]+:[0-9]+(,[^,: ]+:[0-9]+)*$", var.kafka_bootstrap_servers))
    error_message = "kafka_bootstrap_servers must be host:port, or several with commas between."
  }
}

variable "postgres_host" {
  description = "Host of the Postgres that serves connections."
  type        = string
}

variable "postgres_port" {
  description = "TCP port of the Postgres that serves connections."
  type        = number

  validation {
    condition     = var.postgres_port >= 1 && var.postgres_port <= 65535
    error_message = "postgres_port must be a TCP port."
  }
}

variable "postgres_database" {
  description = "Database of the shop."
  type        = string
}

variable "postgres_user" {
  description = "User of the shop's database."
  type        = string
}

variable "postgres_password" {
  description = "Password of that user. Write-only: it enters neither plan nor state."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "postgres_password_version" {
  description = "An integer from 1 that changes whenever the password changes; `shoplake env` prints it."
  type        = number
}

variable "redis_host" {
  description = "Host of Redis."
  type        = string
}

variable "redis_port" {
  description = "TCP port of Redis."
  type        = number

  validation {
    condition     = var.redis_port >= 1 && var.redis_port <= 65535
    error_message = "redis_port must be a TCP port."
  }
}

variable "redis_password" {
  description = "Password of Redis. Write-only: it enters neither plan nor state."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "redis_password_version" {
  description = "An integer from 1 that changes whenever the password changes; `shoplake env` prints it."
  type        = number
}

variable "mongo_uri" {
  description = "URI of MongoDB, without a password."
  type        = string

  validation {
    condition     = startswith(var.mongo_uri, "mongodb://") || startswith(var.mongo_uri, "mongodb+srv://")
    error_message = "mongo_uri must begin with mongodb:// or mongodb+srv://."
  }
}

variable "mongo_database" {
  description = "Database of the documents."
  type        = string
}
