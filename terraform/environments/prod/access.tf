# Who may do what: a role per sink, one that reads everything to verify it, and the same for CI's workflow alone.

locals {
  # Not the master: this one logs in by IAM. `shoplake migrate` makes it, with the master's secret.
  database_user = "shoplake_app"
  topics        = ["clicks", "customers", "inventory", "orders", "products", "reviews"]
  all_topics    = concat(local.topics, ["contracts", "dead-letters", "dead-letter-outcomes", "dead-letter-progress", "publish-progress"])
  settings      = [local.settings_path, "${local.settings_path}/"]
  settings_keys = [module.keys.key_arns["settings"]]
  data_keys     = [module.keys.key_arns["data"]]
  database      = ["${local.arn["rds-db"]}:dbuser:${module.relational.resource_id}/${local.database_user}"]
  cache         = ["${local.arn.elasticache}:replicationgroup:${module.cache.identifier}", "${local.arn.elasticache}:user:${module.cache.user_names["app"]}"]
  warehouse     = [{ bucket_arn = module.lake.bucket_arns["curated"], prefix = module.lake.warehouse_prefix }]
  sink_streams  = { for sink in ["lake", "postgres", "dynamodb", "mongo", "redis"] : sink => [{ cluster = module.stream.cluster_name, topics = concat(local.topics, ["contracts"]), groups = ["shoplake-${sink}"] }] }

  reader = {
    description    = "Reads every store, to verify and to report"
    settings_paths = local.settings
    settings_keys  = local.settings_keys
    read_objects   = local.warehouse
    read_catalogs  = module.lake.glue_databases
    read_tables    = [{ arn = local.table_arns["sessions"] }, { arn = local.table_arns["orders"], indexes = ["by_status"] }]
    read_streams   = [{ cluster = module.stream.cluster_name, topics = local.all_topics }]
    cache_arns     = local.cache
    kms_keys       = local.data_keys
    database_users = local.database
    made_secrets   = [module.documents.master_secret_arn]
  }
}

module "access" {
  source = "../../modules/access"

  name_prefix = local.name_prefix
  account_id  = var.account_id
  region      = var.region

  permissions_boundary_arn = local.boundary_arn

  workloads = {
    migrator = {
      description    = "Makes the topics, lets the sinks' user into Postgres, and migrates its schema"
      settings_paths = local.settings
      settings_keys  = local.settings_keys
      write_streams  = [{ cluster = module.stream.cluster_name, topics = local.all_topics, transactional_ids = ["shoplake-contracts"] }]
      database_users = local.database
      made_secrets   = [module.relational.master_secret_arn]
      kms_keys       = local.data_keys
    }
    publisher = {
      description    = "Publishes the simulator's events"
      settings_paths = local.settings
      settings_keys  = local.settings_keys
      read_streams   = [{ cluster = module.stream.cluster_name, topics = local.all_topics }]
      write_streams  = [{ cluster = module.stream.cluster_name, topics = concat(local.topics, ["contracts", "publish-progress"]), transactional_ids = ["shoplake-contracts", "shoplake-publish-*"] }]
    }
    dead-letters = {
      description    = "Copies what no sink can take to the dead-letter topic"
      settings_paths = local.settings
      settings_keys  = local.settings_keys
      read_streams   = [{ cluster = module.stream.cluster_name, topics = concat(local.topics, ["contracts", "dead-letters", "dead-letter-progress"]), groups = ["shoplake-dead-letters"] }]
      write_streams  = [{ cluster = module.stream.cluster_name, topics = ["dead-letters", "dead-letter-progress"], transactional_ids = ["shoplake-dead-letters"] }]
    }
    lake-sink = {
      description    = "Appends events to the Iceberg tables of the lake"
      settings_paths = local.settings
      settings_keys  = local.settings_keys
      read_streams   = local.sink_streams["lake"]
      write_objects  = local.warehouse
      write_catalogs = module.lake.glue_databases
      kms_keys       = local.data_keys
    }
    postgres-sink = {
      description    = "Keeps the normalised shop"
      settings_paths = local.settings
      settings_keys  = local.settings_keys
      read_streams   = local.sink_streams["postgres"]
      database_users = local.database
    }
    dynamodb-sink = {
      description    = "Folds events into sessions and order status"
      settings_paths = local.settings
      settings_keys  = local.settings_keys
      read_streams   = local.sink_streams["dynamodb"]
      write_tables   = [for arn in values(local.table_arns) : { arn = arn }]
      kms_keys       = local.data_keys
    }
    mongo-sink = {
      description    = "Folds events into documents"
      settings_paths = local.settings
      settings_keys  = local.settings_keys
      read_streams   = local.sink_streams["mongo"]
      made_secrets   = [module.documents.master_secret_arn]
      kms_keys       = local.data_keys
    }
    redis-sink = {
      description    = "Keeps the live board"
      settings_paths = local.settings
      settings_keys  = local.settings_keys
      read_streams   = local.sink_streams["redis"]
      cache_arns     = local.cache
    }
    reader = local.reader
    ci     = merge(local.reader, { github_subject = "repo:${var.github_repository}:environment:${var.environment}" })
  }
}
