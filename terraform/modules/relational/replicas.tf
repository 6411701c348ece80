# Read replicas, in the same subnets and groups; they follow the instance's engine, password and backups.

resource "aws_db_instance" "replica" {
  for_each = var.read_replicas

  identifier          = "${local.identifier}-${each.key}"
  replicate_source_db = aws_db_instance.this.identifier
  instance_class      = each.value

  storage_type           = "gp3"
  storage_encrypted      = true
  kms_key_id             = var.kms_key_arn
  max_allocated_storage  = var.max_storage_gb
  publicly_accessible    = false
  multi_az               = var.multi_az
  vpc_security_group_ids = local.security_group_ids

  parameter_group_name                = aws_db_parameter_group.this.name
  iam_database_authentication_enabled = var.iam_authentication
  auto_minor_version_upgrade          = true
  copy_tags_to_snapshot               = true
  enabled_cloudwatch_logs_exports     = var.log_exports

  performance_insights_enabled    = var.performance_insights
  performance_insights_kms_key_id = var.performance_insights ? var.kms_key_arn : null
  monitoring_interval             = var.monitoring_interval_s
  monitoring_role_arn             = one([for role in aws_iam_role.monitoring : role.arn])

  deletion_protection = var.deletion_protection
  skip_final_snapshot = true # a replica has nothing of its own
}
