output "topic_arn" {
  description = "SNS topic for alerts to people."
  value       = aws_sns_topic.alerts.arn
}

output "log_group_names" {
  description = "The log groups; known at plan time."
  value       = [for group in aws_cloudwatch_log_group.this : group.name]
}

output "budget_name" {
  description = "The monthly budget; known at plan time."
  value       = aws_budgets_budget.monthly.name
}
