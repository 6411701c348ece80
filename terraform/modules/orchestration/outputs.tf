output "cluster_name" {
  description = "Name of the cluster; known at plan time."
  value       = aws_ecs_cluster.this.name
}

output "service_name" {
  description = "Name of the service; known at plan time."
  value       = aws_ecs_service.this.name
}

output "execution_role_arn" {
  description = "Role with which Fargate starts the task."
  value       = aws_iam_role.execution.arn
}
