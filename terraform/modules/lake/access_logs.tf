# Who read and wrote which object, in a bucket of its own. S3 delivers only into its own account's bucket.

locals {
  log_delivery = {
    Sid       = "AccessLogsOfThisLake"
    Effect    = "Allow"
    Principal = { Service = "logging.s3.amazonaws.com" }
    Action    = "s3:PutObject"
    Resource  = [try("${local.bucket_arns[local.log_bucket]}/*", "")]
    Condition = { ArnEquals = { "aws:SourceArn" = [for key, arn in local.bucket_arns : arn if key != local.log_bucket] } }
  }
}

resource "aws_s3_bucket_logging" "this" {
  for_each = { for key, name in local.bucket_names : key => name if var.access_log_days != null && key != local.log_bucket }

  bucket        = aws_s3_bucket.this[each.key].id
  target_bucket = aws_s3_bucket.this[local.log_bucket].id
  target_prefix = "${each.key}/"
}

# EventBridge learns of each object; what is to happen then is a rule there, not a change here.
resource "aws_s3_bucket_notification" "this" {
  for_each = { for key, bucket in var.buckets : key => bucket if bucket.events }

  bucket      = aws_s3_bucket.this[each.key].id
  eventbridge = true
}
