variable "name_prefix" {
  description = "Name prefix of every table, for example `shoplake-dev`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix must be 3 to 32 lower-case letters, digits and hyphens, and begin with a letter."
  }
}

variable "tables" {
  description = <<-EOT
    Tables by short name. Key types are S (text), N (number) or B (bytes). `provisioned` null bills per request; given,
    capacity follows the load between `read`/`write` and their maxima, and the table has no global indexes, whose
    capacity Terraform cannot leave to autoscaling;
    `stream` names what a stream record shows; `ttl_attribute` holds seconds since 1970.
  EOT
  type = map(object({
    hash_key  = object({ name = string, type = optional(string, "S") })
    range_key = optional(object({ name = string, type = optional(string, "S") }))

    global_indexes = optional(map(object({
      hash_key   = object({ name = string, type = optional(string, "S") })
      range_key  = optional(object({ name = string, type = optional(string, "S") }))
      projection = optional(string, "ALL")
      included   = optional(set(string), [])
    })), {})

    ttl_attribute       = optional(string)
    stream              = optional(string)
    deletion_protection = optional(bool, true)
    provisioned = optional(object({
      read           = number
      write          = number
      max_read       = number
      max_write      = number
      target_percent = optional(number, 70)
    }))
  }))

  validation {
    condition     = length(var.tables) > 0 && alltrue([for name in keys(var.tables) : can(regex("^[a-z][a-z0-9_-]{1,40}$", name))])
    error_message = "tables needs at least one table, named by 2 to 41 lower-case letters, digits, hyphens and underscores."
  }

  validation {
    condition = alltrue(flatten([
      for table in values(var.tables) : [
        for key in concat(
          [table.hash_key, table.range_key],
          flatten([for index in values(table.global_indexes) : [index.hash_key, index.range_key]])
        ) : contains(["S", "N", "B"], key.type) if key != null
      ]
    ]))
    error_message = "The type of a key must be S, N or B."
  }

  validation {
    condition = alltrue(flatten([
      for table in values(var.tables) : [
        for index in values(table.global_indexes) :
        contains(["ALL", "KEYS_ONLY", "INCLUDE"], index.projection) && (index.projection == "INCLUDE") == (length(index.included) > 0)
      ]
    ]))
    error_message = "projection must be ALL, KEYS_ONLY or INCLUDE, and `included` goes with INCLUDE alone."
  }

  validation {
    condition = alltrue([
      for table in values(var.tables) :
      table.stream == null ? true : contains(["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"], table.stream)
    ])
    error_message = "stream must be KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES."
  }

  validation {
    condition     = alltrue([for table in values(var.tables) : length(table.global_indexes) <= 20])
    error_message = "DynamoDB allows 20 global indexes per table."
  }

  validation {
    condition = alltrue([
      for table in values(var.tables) : table.provisioned == null ? true : alltrue([
        min(table.provisioned.read, table.provisioned.write) >= 1,
        table.provisioned.max_read >= table.provisioned.read,
        table.provisioned.max_write >= table.provisioned.write,
        table.provisioned.target_percent >= 20 && table.provisioned.target_percent <= 90,
      ])
    ])
    error_message = "Provisioned capacity is 1 or more, its maximum no less, its target 20 to 90 percent."
  }

  validation {
    condition     = alltrue([for table in values(var.tables) : table.provisioned == null || length(table.global_indexes) == 0])
    error_message = "A table with global indexes bills per request: leave provisioned out."
  }
}

variable "kms_key_arn" {
  description = "Customer-managed key for every table; null uses the account's DynamoDB key. They are always encrypted."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}
