variable "name_prefix" {
  description = "Name prefix of the cluster, for example `shoplake-dev`."
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
  description = "Customer-managed key for the brokers' disks; MSK serverless encrypts with its own."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "provisioned" {
  description = "Number and size of provisioned brokers; null uses MSK serverless. The number is a multiple of the number of zones."
  type = object({
    kafka_version   = optional(string, "3.8.x")
    instance_type   = optional(string, "kafka.m7g.large")
    brokers         = optional(number, 3)
    storage_gb      = optional(number, 100)
    retention_hours = optional(number, 168)
  })
  default = {}

  validation {
    condition     = var.provisioned == null ? true : startswith(var.provisioned.instance_type, "kafka.")
    error_message = "provisioned.instance_type must be an MSK type, such as kafka.m7g.large."
  }

  validation {
    condition     = var.provisioned == null ? true : var.provisioned.brokers >= 2 && var.provisioned.brokers % length(var.network.subnet_ids) == 0
    error_message = "provisioned.brokers must be 2 or more and a multiple of the number of subnets."
  }

  validation {
    condition = var.provisioned == null ? true : (
      var.provisioned.storage_gb >= 1 && var.provisioned.storage_gb <= 16384 && var.provisioned.retention_hours >= 1
    )
    error_message = "provisioned.storage_gb must be 1 to 16384, retention_hours 1 or more."
  }
}

variable "log_group_name" {
  description = "Log group for the broker logs."
  type        = string
}
