# The stores. Environments differ in size, not in kind: what protects data (standbys, backups, logs, protection from
# deletion) is the modules' default.

module "lake" {
  source = "../../modules/lake"

  name_prefix        = local.name_prefix
  bucket_name_suffix = var.account_id
  database_name      = replace(local.name_prefix, "-", "_")
  kms_key_arn        = module.keys.key_arns["data"]
  access_log_days    = var.log_retention_days
  force_destroy      = !var.deletion_protection
}

module "keyvalue" {
  source = "../../modules/keyvalue"

  name_prefix = local.name_prefix
  kms_key_arn = module.keys.key_arns["data"]

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
      provisioned         = { read = 5, write = 5, max_read = 100, max_write = 100 }
    }
  }
}

module "relational" {
  source = "../../modules/relational"

  name_prefix           = local.name_prefix
  instance_class        = var.relational.instance_class
  storage_gb            = var.relational.storage_gb
  max_storage_gb        = var.relational.max_storage_gb
  ca_certificate        = "rds-ca-rsa2048-g1"
  kms_key_arn           = module.keys.key_arns["data"]
  subnet_ids            = local.store_network.subnet_ids
  network               = { vpc_id = local.store_network.vpc_id, clients = local.store_network.clients }
  backup_retention_days = var.backup_retention_days
  deletion_protection   = var.deletion_protection
  final_snapshot        = var.final_snapshots

  permissions_boundary_arn = local.boundary_arn

  office_hours = one([for hours in [var.relational.office_hours] : { account_id = var.account_id, stop = hours.stop, start = hours.start, timezone = hours.timezone } if hours != null])
}

module "cache" {
  source = "../../modules/cache"

  name_prefix             = local.name_prefix
  node_type               = var.cache.node_type
  nodes                   = var.cache.nodes
  kms_key_arn             = module.keys.key_arns["data"]
  network                 = local.store_network
  log_group_name          = local.log_groups.cache
  snapshot_retention_days = var.backup_retention_days
  final_snapshot          = var.final_snapshots

  depends_on = [module.observability]
}

module "documents" {
  source = "../../modules/documents"

  name_prefix           = local.name_prefix
  instances             = var.documents.instances
  kms_key_arn           = module.keys.key_arns["data"]
  network               = local.store_network
  backup_retention_days = var.backup_retention_days
  deletion_protection   = var.deletion_protection
  final_snapshot        = var.final_snapshots
}

module "stream" {
  source = "../../modules/stream"

  name_prefix    = local.name_prefix
  provisioned    = var.stream
  kms_key_arn    = module.keys.key_arns["data"]
  network        = local.store_network
  log_group_name = local.log_groups.stream

  depends_on = [module.observability]
}
