variable "name_prefix" {
  description = "Name prefix of topic, alarms, dashboard and budget, for example `shoplake-dev`."
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

variable "environment" {
  description = "Value of the tag `environment` that filters the budget."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.environment))
    error_message = "environment must be 2 to 16 lower-case letters, digits and hyphens."
  }
}

variable "kms_key_arn" {
  description = "Customer-managed key for logs and alerts; it must let CloudWatch, Budgets and Logs use it."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "log_groups" {
  description = "Log groups by full name, each with its retention in days: at least a year."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for days in values(var.log_groups) : contains([365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], days)])
    error_message = "A log group keeps 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days."
  }
}

variable "alert_emails" {
  description = "Who is told; each must confirm once."
  type        = set(string)

  validation {
    condition     = length(var.alert_emails) > 0 && alltrue([for address in var.alert_emails : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", address))])
    error_message = "alert_emails must name at least one address, or alarms reach nobody."
  }
}

variable "alarms" {
  description = "Alarms by name: a metric, an upper threshold (or lower, with `below`), and a duration."
  type = map(object({
    description = string
    namespace   = string
    metric      = string
    dimensions  = map(string)
    statistic   = optional(string, "Average")
    threshold   = number
    below       = optional(bool, false)
    period_s    = optional(number, 300)
    periods     = optional(number, 3)
    missing     = optional(string, "missing")
  }))
  default = {}

  validation {
    condition = alltrue([
      for alarm in values(var.alarms) : contains(["Average", "Maximum", "Minimum", "Sum"], alarm.statistic) && alarm.period_s % 60 == 0 && alarm.periods >= 1
    ])
    error_message = "An alarm's statistic is Average, Maximum, Minimum or Sum, its period whole minutes, its periods 1 or more."
  }

  validation {
    condition     = alltrue([for alarm in values(var.alarms) : contains(["missing", "breaching", "notBreaching", "ignore"], alarm.missing)])
    error_message = "missing must be missing, breaching, notBreaching or ignore."
  }
}

variable "monthly_budget_usd" {
  description = "Monthly budget of the environment, in US dollars."
  type        = number

  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd must be more than nothing."
  }
}

variable "cost_allocation_tags" {
  description = "Tags to activate for cost reports; only in the account that pays for the organisation."
  type        = set(string)
  default     = []
}
