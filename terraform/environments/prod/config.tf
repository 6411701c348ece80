# The only way in which endpoints reach the program. No secret is among them: Postgres, Valkey and Kafka let roles in by
# IAM, and the passwords that AWS makes for Postgres and DocumentDB stay where AWS keeps them.

module "config" {
  source = "../../modules/config"

  environment = var.environment
  kms_key_arn = module.keys.key_arns["settings"]

  parameters = {
    "kafka/bootstrap_servers"    = module.stream.bootstrap_servers
    "kafka/login"                = "iam"
    "kafka/replication"          = tostring(min(3, var.stream.brokers))
    "postgres/host"              = module.relational.host
    "postgres/port"              = tostring(module.relational.port)
    "postgres/database"          = module.relational.database
    "postgres/login"             = "iam"
    "postgres/user"              = local.database_user
    "postgres/secret_arn"        = module.relational.master_secret_arn
    "redis/host"                 = module.cache.host
    "redis/port"                 = tostring(module.cache.port)
    "redis/login"                = "iam"
    "redis/user"                 = module.cache.user_names["app"]
    "redis/cluster"              = module.cache.identifier
    "mongo/uri"                  = "mongodb://${module.documents.host}:${module.documents.port}/?tls=true&replicaSet=rs0&retryWrites=false"
    "mongo/database"             = "shoplake"
    "mongo/secret_arn"           = module.documents.master_secret_arn
    "dynamodb/sessions_table"    = module.keyvalue.table_names["sessions"]
    "dynamodb/orders_table"      = module.keyvalue.table_names["orders"]
    "dynamodb/checkpoints_table" = module.keyvalue.table_names["checkpoints"]
    "lake/bucket"                = module.lake.bucket_names["curated"]
    "lake/warehouse"             = module.lake.warehouse
    "lake/database"              = module.lake.database
    "lake/catalog"               = module.lake.catalog
  }
}
