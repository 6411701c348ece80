variable "environment" {
  description = "Environment of the settings; part of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.environment))
    error_message = "environment must be 2 to 16 lower-case letters, digits and hyphens."
  }
}

variable "parameters" {
  description = "Settings as `section/field` to value. They are encrypted in SSM but readable in the state, so do not put secrets here."
  type        = map(string)

  validation {
    condition     = alltrue([for name in keys(var.parameters) : can(regex("^[a-z]+/[a-z_]+$", name))])
    error_message = "A parameter is named section/field, in lower-case letters and underscores."
  }

  validation {
    condition     = alltrue([for value in values(var.parameters) : length(value) > 0])
    error_message = "SSM takes no empty value."
  }

  validation {
    condition     = alltrue([for value in values(var.parameters) : !can(regex("//[^/@]*:[^/@]+@", value))])
    error_message = "A parameter holds a URI with a password; passwords go into secret_values."
  }
}

variable "secret_versions" {
  description = "Secrets by section, each with a number that changes whenever its value changes."
  type        = map(number)
  default     = {}

  validation {
    condition = alltrue([
      for section, version in var.secret_versions :
      can(regex("^[a-z]+$", section)) && version >= 1 && floor(version) == version
    ])
    error_message = "secret_versions maps a section (lower-case letters) to a whole number from 1."
  }
}

variable "secret_values" {
  description = "A JSON object of secret fields by section. Write-only: it enters neither plan nor state."
  type        = map(string)
  default     = {}
  ephemeral   = true
  sensitive   = true
}

variable "rotation_functions" {
  description = "Lambda functions by section that rotate the secret every 30 days. The caller rotates a secret without a function."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.rotation_functions), keys(var.secret_versions))) == 0
    error_message = "rotation_functions names a section that secret_versions does not."
  }

  validation {
    condition     = alltrue([for arn in values(var.rotation_functions) : can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:", arn))])
    error_message = "rotation_functions must be ARNs of Lambda functions."
  }
}

variable "kms_key_arn" {
  description = "Customer-managed key for parameters and secrets; null uses the account's keys of SSM and Secrets Manager."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "recovery_window_in_days" {
  description = "Number of days in which a deleted secret can be restored; 0 deletes it at once."
  type        = number
  default     = 30

  validation {
    condition = (
      var.recovery_window_in_days == 0 || (var.recovery_window_in_days >= 7 && var.recovery_window_in_days <= 30)
    )
    error_message = "Secrets Manager takes 7 to 30 days, or 0 to delete at once."
  }
}
