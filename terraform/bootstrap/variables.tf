variable "environment" {
  description = "Environment of this account."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment must be dev, staging or prod."
  }
}

variable "account_id" {
  description = "AWS account; credentials of another account are refused."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id)) && !can(regex("^0{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account, not an emulator's."
  }
}

variable "region" {
  description = "Region of the environment and of its state."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be an AWS region, such as us-east-1."
  }
}

variable "github_owner" {
  description = "Organisation or person whose repository this is."
  type        = string

  validation {
    condition     = can(regex("^[\\w.-]+$", var.github_owner))
    error_message = "github_owner must be a name as GitHub allows it, without a slash."
  }
}

variable "github_repository" {
  description = "Repository whose workflows plan and apply, without its owner."
  type        = string

  validation {
    condition     = can(regex("^[\\w.-]+$", var.github_repository))
    error_message = "github_repository must be a name as GitHub allows it, without a slash; its owner is github_owner."
  }
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
