output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "subnet_ids" {
  description = "Subnets by tier (public, private, data), in the order of the zones' names."
  value       = { for tier, subnets in local.by_tier : tier => [for key in values(subnets) : aws_subnet.this[key].id] }
}

output "workload_security_group_id" {
  description = "Group of the programs and of the endpoints they call; stores let it in."
  value       = aws_security_group.workloads.id
}
