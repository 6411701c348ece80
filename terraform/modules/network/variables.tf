variable "name_prefix" {
  description = "Name prefix of everything in the network, for example `shoplake-dev`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix must be 3 to 32 lower-case letters, digits and hyphens, and begin with a letter."
  }
}

variable "account_id" {
  description = "AWS account of all resources."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits."
  }
}

variable "cidr" {
  description = "CIDR range of the VPC; each subnet gets a sixteenth of it."
  type        = string
  default     = "10.40.0.0/16"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && can(regex("/(1[6-9]|20)$", var.cidr))
    error_message = "cidr must be an IPv4 range from /16 to /20, such as 10.40.0.0/16."
  }
}

variable "zones" {
  description = "Two or three availability zones; do not change their order."
  type        = list(string)

  validation {
    condition     = contains([2, 3], length(var.zones)) && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones must be two or three different zones."
  }

  validation {
    condition     = alltrue([for zone in var.zones : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$", zone))])
    error_message = "A zone is named like us-east-1a."
  }
}

variable "nat" {
  description = "NAT gateways: `none`, `one` for all zones, or one in `each`."
  type        = string
  default     = "each"

  validation {
    condition     = contains(["none", "one", "each"], var.nat)
    error_message = "nat must be none, one or each."
  }
}

variable "interface_endpoints" {
  description = "AWS services with an interface endpoint in the VPC, by the last part of the endpoint name."
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr", "kms", "logs", "secretsmanager", "ssm", "sts"]

  validation {
    condition     = alltrue([for name in var.interface_endpoints : can(regex("^[a-z][a-z0-9.-]+$", name)) && !contains(["s3", "dynamodb"], name)])
    error_message = "interface_endpoints names services such as `kms`; s3 and dynamodb have gateways already."
  }
}

variable "workload_egress" {
  description = "Allowed outgoing connections of the workloads, by purpose: a TCP port, and a CIDR range unless it is that of the VPC."
  type        = map(object({ port = number, cidr = optional(string) }))
  default = {
    "Postgres in the VPC"   = { port = 5432 }
    "Valkey in the VPC"     = { port = 6379 }
    "DocumentDB in the VPC" = { port = 27017 }
    "Kafka in the VPC"      = { port = 9098 }
    "HTTPS to AWS"          = { port = 443, cidr = "0.0.0.0/0" }
  }

  validation {
    condition     = alltrue([for rule in values(var.workload_egress) : rule.port >= 1 && rule.port <= 65535])
    error_message = "workload_egress must name TCP ports."
  }
}

variable "log_key_arn" {
  description = "Customer-managed key for the flow logs."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.log_key_arn))
    error_message = "log_key_arn must be the ARN of a KMS key."
  }
}

variable "flow_log_retention_days" {
  description = "Retention of flow logs, in days: at least a year."
  type        = number
  default     = 365

  validation {
    condition     = contains([365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.flow_log_retention_days)
    error_message = "flow_log_retention_days must be 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "permissions_boundary_arn" {
  description = "Permission boundary of the role that writes flow logs."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:policy/", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of an IAM policy."
  }
}
