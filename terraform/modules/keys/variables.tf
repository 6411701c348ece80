variable "name_prefix" {
  description = "Alias prefix of every key, for example `shoplake-dev`."
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

variable "region" {
  description = "AWS region of all resources."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be an AWS region, such as us-east-1."
  }
}

variable "keys" {
  description = "Keys by purpose, with the AWS services that use the key directly, and a flag for log groups."
  type = map(object({
    description = string
    services    = optional(list(string), [])
    log_groups  = optional(bool, false)
  }))

  validation {
    condition     = length(var.keys) > 0 && alltrue([for name in keys(var.keys) : can(regex("^[a-z][a-z0-9-]{0,20}$", name))])
    error_message = "keys needs at least one key, named by at most 21 lower-case letters, digits and hyphens."
  }

  validation {
    condition     = alltrue(flatten([for key in values(var.keys) : [for s in key.services : endswith(s, ".amazonaws.com")]]))
    error_message = "services must name AWS services, such as sns.amazonaws.com."
  }
}

variable "rotation_period_in_days" {
  description = "Rotation period of the key material. Existing data stays readable."
  type        = number
  default     = 365

  validation {
    condition     = var.rotation_period_in_days >= 90 && var.rotation_period_in_days <= 2560
    error_message = "KMS rotates every 90 to 2560 days."
  }
}

variable "deletion_window_in_days" {
  description = "Number of days in which a deleted key can be restored. Without the key, its data is lost."
  type        = number
  default     = 30

  validation {
    condition     = var.deletion_window_in_days >= 7 && var.deletion_window_in_days <= 30
    error_message = "KMS takes 7 to 30 days."
  }
}
