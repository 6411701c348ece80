variable "environment" {
  description = "Environment whose account this is."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment must be dev, staging or prod."
  }
}

variable "account_id" {
  description = "The account; credentials of another are refused."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id)) && !can(regex("^0{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account, not an emulator's."
  }
}

variable "region" {
  description = "Region of the states."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be an AWS region, such as us-east-1."
  }
}

variable "github_repository" {
  description = "Repository whose workflows plan and apply, as OWNER/NAME."
  type        = string

  validation {
    condition     = can(regex("^[\\w.-]+/[\\w.-]+$", var.github_repository))
    error_message = "github_repository must be OWNER/NAME."
  }
}

variable "owner" {
  description = "Team that answers for the platform (tag `owner`)."
  type        = string
  default     = "data-platform"
}

variable "cost_center" {
  description = "Who pays (tag `cost-center`)."
  type        = string
  default     = "shoplake"
}
