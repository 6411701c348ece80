variable "name_prefix" {
  description = "Name prefix of every role and policy, for example `shoplake-dev`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix must be 3 to 32 lower-case letters, digits and hyphens, and begin with a letter."
  }
}

variable "account_id" {
  description = "Account whose AWS services may assume the roles; services of other accounts may not (confused deputy)."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits."
  }
}

variable "region" {
  description = "Region of the Glue catalogue."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be an AWS region, such as us-east-1."
  }
}

variable "permissions_boundary_arn" {
  description = "Permission boundary of every role; null sets none."
  type        = string

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:policy/", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of an IAM policy, or null."
  }
}

variable "workloads" {
  description = <<-EOT
    Workloads by name, each with the services that run it and what it uses. To write implies to read. `*_objects`
    is a folder of a bucket, `*_catalogs` a Glue database, `*_tables` a DynamoDB table with the indexes it queries;
    `settings_paths` are ARNs of SSM paths, `settings_keys` what they are encrypted with, `cache_arns` of caches and their users, `*_streams` Kafka topics by the
    cluster's name, `kms_keys` the keys of what it reads or writes, `database_users` ARNs to log in with IAM,
    `made_secrets` passwords that AWS made.
    `github_subject` lets one GitHub workflow take the role instead of a service.
  EOT
  type = map(object({
    description      = string
    trusted_services = optional(list(string), ["ecs-tasks.amazonaws.com"])

    settings_paths = optional(list(string), [])
    settings_keys  = optional(list(string), [])
    read_secrets   = optional(list(string), [])
    read_objects   = optional(list(object({ bucket_arn = string, prefix = string })), [])
    write_objects  = optional(list(object({ bucket_arn = string, prefix = string })), [])
    read_catalogs  = optional(list(string), [])
    write_catalogs = optional(list(string), [])
    read_tables    = optional(list(object({ arn = string, indexes = optional(list(string), []) })), [])
    write_tables   = optional(list(object({ arn = string, indexes = optional(list(string), []) })), [])
    cache_arns     = optional(list(string), [])
    read_streams   = optional(list(object({ cluster = string, topics = list(string), groups = optional(list(string), []) })), [])
    write_streams  = optional(list(object({ cluster = string, topics = list(string), transactional_ids = optional(list(string), []) })), [])
    kms_keys       = optional(list(string), [])
    database_users = optional(list(string), [])
    made_secrets   = optional(list(string), [])
    github_subject = optional(string)
  }))

  validation {
    condition     = alltrue([for name in keys(var.workloads) : can(regex("^[a-z][a-z0-9-]{1,28}$", name))])
    error_message = "A workload is named by 2 to 29 lower-case letters, digits and hyphens."
  }

  validation {
    condition = alltrue(flatten([
      for workload in values(var.workloads) : [
        for used in concat(
          workload.settings_paths, workload.read_secrets, workload.read_catalogs, workload.write_catalogs,
          [for area in concat(workload.read_objects, workload.write_objects) : "${area.bucket_arn}/${area.prefix}"],
          flatten([for table in concat(workload.read_tables, workload.write_tables) : concat([table.arn], table.indexes)]),
          flatten([for stream in workload.read_streams : concat([stream.cluster], stream.topics, stream.groups)]),
          flatten([for stream in workload.write_streams : concat([stream.cluster], stream.topics)]),
          workload.cache_arns,
        ) : !strcontains(used, "*")
      ]
    ]))
    error_message = "A workload names each thing it uses; no wildcard."
  }

  # By itself, because what only AWS can name is judged as late as it is known.
  validation {
    condition = alltrue(flatten([
      for workload in values(var.workloads) : [
        for used in concat(workload.settings_keys, workload.kms_keys, workload.database_users, workload.made_secrets) : !strcontains(used, "*")
      ]
    ]))
    error_message = "A workload names each key, database user and secret; no wildcard."
  }

  validation {
    condition = alltrue(flatten([
      for workload in values(var.workloads) : [
        for stream in workload.write_streams : [for id in stream.transactional_ids : can(regex("^[\\w.-]+\\*?$", id))]
      ]
    ]))
    error_message = "A transactional id is letters, digits, dots, underscores and hyphens; it may end with * where the program adds its run."
  }

  validation {
    condition = alltrue([
      for workload in values(var.workloads) :
      length(workload.trusted_services) > 0 && alltrue([for s in workload.trusted_services : endswith(s, ".amazonaws.com")])
    ])
    error_message = "trusted_services must name AWS services, such as ecs-tasks.amazonaws.com."
  }

  validation {
    condition = alltrue([
      for workload in values(var.workloads) :
      workload.github_subject == null || can(regex("^repo:[\\w.-]+/[\\w.-]+:(environment:[\\w-]+|ref:refs/(heads|tags)/[\\w./-]+)$", workload.github_subject))
    ])
    error_message = "github_subject must be repo:OWNER/NAME:environment:NAME or repo:OWNER/NAME:ref:refs/heads/BRANCH, without a wildcard."
  }

  validation {
    condition = alltrue([
      for workload in values(var.workloads) : sum(concat([0], [
        for used in [
          workload.settings_paths, workload.read_secrets, workload.read_objects, workload.write_objects,
          workload.read_catalogs, workload.write_catalogs, workload.read_tables, workload.write_tables,
          workload.cache_arns, workload.read_streams, workload.write_streams,
        ] : length(used)
      ])) > 0
    ])
    error_message = "A workload that uses nothing needs no role."
  }
}
