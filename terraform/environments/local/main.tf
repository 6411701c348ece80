# The platform on an emulator: the modules of the AWS environments, with what the emulator lacks switched off. It
# composes; it makes no resource of its own.

locals {
  environment = "local"
  name_prefix = "shoplake-${local.environment}"

  # ARNs from names, so that every policy is known, and checked, at plan time. Secrets Manager ends each ARN with six
  # characters that it draws.
  arn = {
    for service in ["dynamodb", "secretsmanager", "ssm"] : service => "arn:aws:${service}:${var.region}:${var.emulator_account_id}"
  }
  settings_path = "${local.arn.ssm}:parameter/shoplake/${local.environment}"
  table_arns    = { for name, full_name in module.keyvalue.table_names : name => "${local.arn.dynamodb}:table/${full_name}" }
  secret_arns   = { for name in ["postgres", "redis"] : name => "${local.arn.secretsmanager}:secret:shoplake/${local.environment}/${name}-??????" }
}

module "lake" {
  source = "../../modules/lake"

  name_prefix   = local.name_prefix
  database_name = replace(local.name_prefix, "-", "_")
  glue_catalog  = var.capabilities.glue
  force_destroy = !var.deletion_protection

  # What an emulator has no use for: query results, programs' logs, and who read what.
  buckets         = { raw = {}, curated = {} }
  access_log_days = null
  athena          = null

  # A fixed wait in the provider makes them cost 55 s, and an emulator keeps nothing for 30 days.
  lifecycle_rules = false
}

module "keyvalue" {
  source = "../../modules/keyvalue"

  name_prefix = local.name_prefix
  tables = {
    # A session with its cart; gone some time after the shopper left.
    sessions = {
      hash_key            = { name = "pk" }
      ttl_attribute       = "expires_at"
      deletion_protection = var.deletion_protection
    }
    # Where a customer's orders stand: pk is the customer, sk the order.
    orders = {
      hash_key  = { name = "pk" }
      range_key = { name = "sk" }
      global_indexes = {
        by_status = {
          hash_key  = { name = "status" }
          range_key = { name = "placed_at", type = "N" }
        }
      }
      deletion_protection = var.deletion_protection
    }
    # How far the DynamoDB sink has applied each partition, and who owns it.
    checkpoints = {
      hash_key            = { name = "pk" }
      deletion_protection = var.deletion_protection
    }
  }
}

# Control plane only on an emulator: what answers is the stack's Postgres, under the same name and password.
module "relational" {
  source   = "../../modules/relational"
  for_each = var.capabilities.rds ? { (local.name_prefix) = "db.t4g.micro" } : {}

  name_prefix         = each.key
  instance_class      = each.value
  database_name       = var.postgres_database
  username            = var.postgres_user
  port                = max(var.postgres_port, 1150) # where the Postgres that answers listens; RDS takes no lower port
  password            = var.postgres_password
  password_version    = var.postgres_password_version
  deletion_protection = var.deletion_protection
  final_snapshot      = false # of a database that does not run
  log_exports         = var.capabilities.rds_logs ? ["postgresql", "upgrade"] : []

  permissions_boundary_arn = null # an emulator enforces none
}

module "config" {
  source = "../../modules/config"

  environment             = local.environment
  recovery_window_in_days = 0

  parameters = {
    "kafka/bootstrap_servers"    = var.kafka_bootstrap_servers
    "postgres/host"              = var.postgres_host
    "postgres/port"              = tostring(var.postgres_port)
    "postgres/database"          = var.postgres_database
    "postgres/user"              = var.postgres_user
    "redis/host"                 = var.redis_host
    "redis/port"                 = tostring(var.redis_port)
    "mongo/uri"                  = var.mongo_uri
    "mongo/database"             = var.mongo_database
    "dynamodb/sessions_table"    = module.keyvalue.table_names["sessions"]
    "dynamodb/orders_table"      = module.keyvalue.table_names["orders"]
    "dynamodb/checkpoints_table" = module.keyvalue.table_names["checkpoints"]
    "lake/bucket"                = module.lake.bucket_names["curated"]
    "lake/warehouse"             = module.lake.warehouse
    "lake/database"              = module.lake.database
    "lake/catalog"               = module.lake.catalog
  }

  secret_versions = {
    postgres = var.postgres_password_version
    redis    = var.redis_password_version
  }
  secret_values = {
    postgres = jsonencode({ password = var.postgres_password })
    redis    = jsonencode({ password = var.redis_password })
  }
}

module "access" {
  source = "../../modules/access"

  name_prefix = local.name_prefix
  account_id  = var.emulator_account_id
  region      = var.region

  permissions_boundary_arn = null # an emulator enforces none

  workloads = {
    lake-sink = {
      description    = "Appends events to the Iceberg tables of the lake"
      settings_paths = [local.settings_path, "${local.settings_path}/"]
      read_secrets   = [local.secret_arns["postgres"]]
      write_objects  = [{ bucket_arn = module.lake.bucket_arns["curated"], prefix = module.lake.warehouse_prefix }]
      write_catalogs = module.lake.glue_databases
    }
    dynamodb-sink = {
      description    = "Folds events into sessions and order status"
      settings_paths = [local.settings_path, "${local.settings_path}/"]
      write_tables   = [for arn in values(local.table_arns) : { arn = arn }]
    }
    reader = {
      description    = "Reads every store, to verify and to report"
      settings_paths = [local.settings_path, "${local.settings_path}/"]
      read_secrets   = values(local.secret_arns)
      read_objects   = [{ bucket_arn = module.lake.bucket_arns["curated"], prefix = module.lake.warehouse_prefix }]
      read_catalogs  = module.lake.glue_databases
      read_tables = [
        { arn = local.table_arns["sessions"] },
        { arn = local.table_arns["orders"], indexes = ["by_status"] },
      ]
    }
  }
}
