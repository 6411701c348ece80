# Ways out: none from the data subnets, through NAT from the private ones, where NAT is wanted.

locals {
  nat_zones = { none = [], one = slice(var.zones, 0, 1), each = var.zones }[var.nat]
  # The gateway of a zone is its own, or the only one there is.
  nat_of = { for zone in var.zones : zone => contains(local.nat_zones, zone) ? zone : local.nat_zones[0] if var.nat != "none" }
}

resource "aws_internet_gateway" "this" {
  for_each = var.nat == "none" ? {} : { (var.name_prefix) = aws_vpc.this.id }

  vpc_id = each.value

  tags = { Name = each.key }
}

resource "aws_eip" "nat" {
  for_each = toset(local.nat_zones)

  domain = "vpc"

  tags = { Name = "${var.name_prefix}-nat-${each.key}" }
}

resource "aws_nat_gateway" "this" {
  for_each = toset(local.nat_zones)

  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.this["public-${each.key}"].id

  tags = { Name = "${var.name_prefix}-${each.key}" }

  depends_on = [aws_internet_gateway.this]
}

resource "aws_route_table" "this" {
  for_each = merge({ public = null, data = null }, { for zone in var.zones : "private-${zone}" => zone })

  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name_prefix}-${each.key}" }
}

resource "aws_route" "internet" {
  for_each = aws_internet_gateway.this

  route_table_id         = aws_route_table.this["public"].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = each.value.id
}

resource "aws_route" "nat" {
  for_each = local.nat_of

  route_table_id         = aws_route_table.this["private-${each.key}"].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[each.value].id
}

resource "aws_route_table_association" "this" {
  for_each = local.subnets

  subnet_id      = aws_subnet.this[each.key].id
  route_table_id = aws_route_table.this[each.value.tier == "private" ? each.key : each.value.tier].id
}
