variable "name_prefix" {
  description = "Name prefix of every bucket, for example `shoplake-dev`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix must be 3 to 32 lower-case letters, digits and hyphens, and begin with a letter."
  }
}

variable "bucket_name_suffix" {
  description = "Suffix of every bucket name. Bucket names are global on AWS, so use the account id."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^[a-z0-9-]{0,20}$", var.bucket_name_suffix))
    error_message = "bucket_name_suffix must be at most 20 lower-case letters, digits and hyphens."
  }
}

variable "buckets" {
  description = <<-EOT
    Buckets by role, with what is kept how long, in days. `raw` is where files land and `curated` holds the
    Iceberg warehouse, whose data files Iceberg itself expires; `logs` is for programs' own, `results` for Athena's.
    A null tier is never entered. `events` tells EventBridge of each object.
  EOT
  type = map(object({
    events = optional(bool, false)
    retention = optional(object({
      infrequent_access_after_days = optional(number)
      archive_after_days           = optional(number)
      expire_after_days            = optional(number)
      old_versions_days            = optional(number, 30)
    }), {})
  }))
  default = {
    raw     = { events = true, retention = { infrequent_access_after_days = 30, archive_after_days = 180 } }
    curated = {}
    logs    = { retention = { infrequent_access_after_days = 30, expire_after_days = 400 } }
    results = { retention = { expire_after_days = 14, old_versions_days = 1 } }
  }

  validation {
    condition     = length(setsubtract(["raw", "curated"], keys(var.buckets))) == 0
    error_message = "buckets must have `raw` and `curated`; others may be added."
  }

  validation {
    condition     = alltrue([for key in keys(var.buckets) : can(regex("^[a-z][a-z0-9-]{0,14}$", key))])
    error_message = "A bucket's key ends its name: at most 15 lower-case letters, digits and hyphens."
  }

  validation {
    condition     = !contains(keys(var.buckets), "access-logs")
    error_message = "The bucket `access-logs` is made by access_log_days."
  }

  validation {
    condition = alltrue([
      for bucket in values(var.buckets) :
      coalesce(bucket.retention.archive_after_days, 10000) >= coalesce(bucket.retention.infrequent_access_after_days, 0) + 30
    ])
    error_message = "An object stays 30 days in infrequent access before it is archived."
  }

  validation {
    condition = alltrue([
      for bucket in values(var.buckets) : coalesce(bucket.retention.infrequent_access_after_days, 30) >= 30
    ])
    error_message = "S3 moves nothing to infrequent access before 30 days."
  }

  validation {
    condition = alltrue([
      for bucket in values(var.buckets) :
      bucket.retention.old_versions_days >= 1 && coalesce(bucket.retention.expire_after_days, 1) >= 1
    ])
    error_message = "Retention is counted in whole days, 1 or more."
  }
}

variable "kms_key_arn" {
  description = "Customer-managed key for every bucket; null encrypts with S3's own keys (AES256)."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "access_log_days" {
  description = "Retention of access logs, in days; null keeps no access logs."
  type        = number
  default     = 400

  validation {
    condition     = var.access_log_days == null ? true : var.access_log_days >= 1
    error_message = "access_log_days must be 1 or more, or null."
  }
}

variable "athena" {
  description = "Athena workgroup with a limit on the bytes that one query may read; null creates none. It needs the bucket `results`."
  type        = object({ max_scan_gb = optional(number, 100) })
  default     = {}

  validation {
    condition     = var.athena == null ? true : var.athena.max_scan_gb >= 1 && contains(keys(var.buckets), "results")
    error_message = "athena.max_scan_gb must be 1 or more, and buckets must have `results`."
  }
}

variable "lifecycle_rules" {
  description = "Whether tiers and the expiry of old versions are set. Off only where an emulator keeps nothing for long."
  type        = bool
  default     = true
}

variable "force_destroy" {
  description = "Whether `destroy` may delete buckets that still hold objects."
  type        = bool
  default     = false
}

variable "glue_catalog" {
  description = "Whether the catalogue is Glue; false where an emulator has none, and the catalogue is then SQL."
  type        = bool
  default     = true
}

variable "database_name" {
  description = "Glue database, or namespace of the SQL catalogue, that holds the Iceberg tables."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.database_name))
    error_message = "database_name must be lower-case letters, digits and underscores (Athena allows no hyphen)."
  }
}

variable "warehouse_prefix" {
  description = "Folder of the Iceberg warehouse in the curated bucket, without slashes at its ends."
  type        = string
  default     = "warehouse"

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9_/-]*[a-z0-9]$", var.warehouse_prefix))
    error_message = "warehouse_prefix must not begin or end with a slash."
  }
}
