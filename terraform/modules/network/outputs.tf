output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "subnet_ids" {
  description = "Subnets by tier (public, private, data), in the order of the zones' names."
  value       = { for tier, subnets in local.by_tier : tier => [for key in values(subnets) : aws_subnet.this[key].id] }
}

output "workload_security_group_id" {
  description = "Security group of the programs and interface endpoints; the stores allow access from it."
  value       = aws_security_group.workloads.id
}
