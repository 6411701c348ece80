# The platform on AWS. dev, staging and prod have these same files, and differ by terraform.tfvars alone (a test holds
# them together). Here is what all else stands on; stores.tf, access.tf, config.tf and observability.tf compose the rest.

locals {
  name_prefix = "shoplake-${var.environment}"

  # ARNs from names, so that every policy is known, and checked, at plan time.
  arn = {
    for service in ["dynamodb", "elasticache", "rds-db", "ssm"] : service => "arn:aws:${service}:${var.region}:${var.account_id}"
  }
  table_arns    = { for name, full_name in module.keyvalue.table_names : name => "${local.arn.dynamodb}:table/${full_name}" }
  settings_path = "${local.arn.ssm}:parameter/shoplake/${var.environment}"

  # Made by terraform/bootstrap: who applies this gives it to every role, and cannot change it.
  boundary_arn = "arn:aws:iam::${var.account_id}:policy/shoplake-bootstrap-${var.environment}-boundary"

  store_network = {
    vpc_id     = module.network.vpc_id
    subnet_ids = module.network.subnet_ids["data"]
    clients    = { workloads = module.network.workload_security_group_id }
  }
}

module "keys" {
  source = "../../modules/keys"

  name_prefix = local.name_prefix
  account_id  = var.account_id
  region      = var.region

  keys = {
    data     = { description = "Data of ${local.name_prefix}" }
    settings = { description = "Settings of ${local.name_prefix}" }
    logs = {
      description = "Logs and alerts of ${local.name_prefix}"
      services    = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
      log_groups  = true
    }
  }
}

module "network" {
  source = "../../modules/network"

  name_prefix              = local.name_prefix
  account_id               = var.account_id
  cidr                     = var.network.cidr
  zones                    = var.network.zones
  nat                      = var.network.nat
  interface_endpoints      = var.network.interface_endpoints
  log_key_arn              = module.keys.key_arns["logs"]
  flow_log_retention_days  = var.log_retention_days
  permissions_boundary_arn = local.boundary_arn
}
