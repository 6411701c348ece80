mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }
}

variables {
  name_prefix = "shoplake-test"
  account_id  = "111122223333"
  zones       = ["us-east-1a", "us-east-1b", "us-east-1c"]
  log_key_arn = "arn:aws:kms:us-east-1:111122223333:key/0f0f0f0f-0000-0000-0000-000000000000"

  permissions_boundary_arn = "arn:aws:iam::111122223333:policy/shoplake-bootstrap-test-boundary"
}

run "three_tiers_over_three_zones" {
  command = plan

  assert {
    condition     = length(aws_subnet.this) == 9 && length(distinct([for subnet in aws_subnet.this : subnet.cidr_block])) == 9
    error_message = "There must be nine subnets with ranges of their own."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.this : !subnet.map_public_ip_on_launch])
    error_message = "Nothing may get a public address by itself."
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(aws_route.nat) == 3
    error_message = "By default each zone has its NAT gateway."
  }
}

run "nobody_is_let_in_from_outside" {
  command = plan

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.endpoints : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null])
    error_message = "Ingress must name a group, never a range."
  }

  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flow.kms_key_id == var.log_key_arn
    error_message = "All traffic must be logged, with a key of ours."
  }

  assert {
    condition     = aws_iam_role.flow.permissions_boundary == var.permissions_boundary_arn
    error_message = "The role that writes flow logs must be bounded."
  }
}

run "endpoints_are_members_of_the_group_that_may_reach_them" {
  command = plan

  # Known while planning, as AWS makes it.
  override_resource {
    target          = aws_security_group.workloads
    override_during = plan
    values          = { id = "sg-0a1b2c3d4e5f60718" }
  }

  assert {
    condition     = alltrue([for e in aws_vpc_endpoint.interface : e.security_group_ids == toset(["sg-0a1b2c3d4e5f60718"])])
    error_message = "An endpoint must stand in the programs' group."
  }

  assert {
    condition = alltrue([
      for rule in aws_vpc_security_group_ingress_rule.endpoints :
      rule.from_port == 443 && rule.to_port == 443 && rule.referenced_security_group_id == "sg-0a1b2c3d4e5f60718"
    ]) && length(aws_vpc_security_group_ingress_rule.endpoints) == 1
    error_message = "Members, and nobody else, must reach each other by HTTPS."
  }
}

run "one_gateway_serves_all_zones" {
  command = plan

  variables {
    nat = "one"
  }

  assert {
    condition     = keys(aws_nat_gateway.this) == ["us-east-1a"] && length(aws_route.nat) == 3
    error_message = "Every private subnet must leave through the one gateway."
  }
}

run "without_nat_there_is_no_way_out" {
  command = plan

  variables {
    nat                 = "none"
    interface_endpoints = []
  }

  assert {
    condition     = length(aws_nat_gateway.this) + length(aws_route.internet) + length(aws_route.nat) + length(aws_internet_gateway.this) == 0
    error_message = "Without NAT there must be no route to the internet."
  }

  assert {
    condition     = length(aws_vpc_endpoint.interface) == 0 && length(aws_vpc_security_group_ingress_rule.endpoints) == 0 && length(aws_vpc_endpoint.gateway) == 2
    error_message = "Interface endpoints are optional, gateways are not."
  }
}

run "bad_values_are_refused" {
  command = plan

  variables {
    name_prefix             = "-x-"
    account_id              = "42"
    cidr                    = "10.0.0.0/8"
    zones                   = ["us-east-1a"]
    nat                     = "two"
    interface_endpoints     = ["s3"]
    workload_egress         = { all = { port = 0 } }
    log_key_arn             = "alias/logs"
    flow_log_retention_days = 90

    permissions_boundary_arn = "shoplake-test-boundary"
  }

  expect_failures = [
    var.name_prefix, var.account_id, var.cidr, var.zones, var.nat, var.interface_endpoints, var.workload_egress,
    var.log_key_arn, var.flow_log_retention_days, var.permissions_boundary_arn,
  ]
}
