output "table_names" {
  description = "Full name of each table by its short name; known at plan time."
  value       = { for key, table in aws_dynamodb_table.this : key => table.name }
}

output "table_arns" {
  description = "ARN of each table by its short name."
  value       = { for key, table in aws_dynamodb_table.this : key => table.arn }
}

output "stream_arns" {
  description = "ARN of the stream of each table with a stream."
  value       = { for key, table in aws_dynamodb_table.this : key => table.stream_arn if var.tables[key].stream != null }
}
