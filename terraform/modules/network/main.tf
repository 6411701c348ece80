# One VPC over two or three zones: public subnets for NAT alone, private ones for workloads, data ones for stores,
# which have no way out. Routes are in routes.tf, endpoints in endpoints.tf, flow logs in flow_logs.tf.

locals {
  zones = { for index, zone in var.zones : zone => index }
  tiers = { public = 0, private = 1, data = 2 }

  # Sixteen equal parts; a zone that is added later moves no subnet.
  subnets = merge([
    for tier, offset in local.tiers : {
      for zone, index in local.zones : "${tier}-${zone}" => {
        tier = tier
        zone = zone
        cidr = cidrsubnet(var.cidr, 4, offset * 4 + index)
      }
    }
  ]...)
  by_tier = { for tier in keys(local.tiers) : tier => { for key, subnet in local.subnets : subnet.zone => key if subnet.tier == tier } }
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.name_prefix }
}

resource "aws_subnet" "this" {
  for_each = local.subnets

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.value.zone
  cidr_block              = each.value.cidr
  map_public_ip_on_launch = false

  tags = { Name = "${var.name_prefix}-${each.key}", tier = each.value.tier }
}

# Without rules: whoever forgets to name a group gets no traffic at all.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name_prefix}-closed" }
}

resource "aws_security_group" "workloads" {
  name        = "${var.name_prefix}-workloads"
  description = "Programs of ${var.name_prefix} and the endpoints they call; the stores let this group in"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name_prefix}-workloads" }
}

resource "aws_vpc_security_group_egress_rule" "workloads" {
  for_each = var.workload_egress

  security_group_id = aws_security_group.workloads.id
  description       = each.key
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = coalesce(each.value.cidr, var.cidr)
}
