# AWS without the internet: gateways for S3 and DynamoDB, which cost nothing, interfaces for what else is used.

data "aws_region" "current" {}

resource "aws_vpc_endpoint" "gateway" {
  for_each = toset(["s3", "dynamodb"])

  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${data.aws_region.current.name}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for key, table in aws_route_table.this : table.id if key != "public"]

  tags = { Name = "${var.name_prefix}-${each.key}" }
}

# Endpoints stand in the programs' own group, whose members reach each other by HTTPS. An endpoint answers and never
# calls, so what the stores let in with that group is still programs alone.
resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  for_each = length(var.interface_endpoints) == 0 ? {} : { (var.name_prefix) = aws_security_group.workloads.id }

  security_group_id            = each.value
  description                  = "HTTPS from programs to interface endpoints"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.workloads.id
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.interface_endpoints

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${data.aws_region.current.name}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for key in values(local.by_tier["private"]) : aws_subnet.this[key].id]
  security_group_ids  = [aws_security_group.workloads.id]

  tags = { Name = "${var.name_prefix}-${each.key}" }
}
