# The role by which RDS reports figures of the operating system.

data "aws_partition" "current" {}

resource "aws_iam_role" "monitoring" {
  for_each = var.monitoring_interval_s == 0 ? {} : { (local.identifier) = "monitoring.rds.amazonaws.com" }

  name                 = "${each.key}-monitoring"
  description          = "Reports the operating system of ${each.key}"
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = each.value } }]
  })
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  for_each = aws_iam_role.monitoring

  role       = each.value.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}
