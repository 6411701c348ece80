# Queries over the lake: results in a bucket of their own, encrypted, and a bound on what one query may read.

resource "aws_athena_workgroup" "this" {
  for_each = var.athena == null ? {} : { (var.name_prefix) = var.athena }

  name          = each.key
  description   = "Queries over the lake of ${each.key}"
  force_destroy = var.force_destroy

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = each.value.max_scan_gb * 1024 * 1024 * 1024

    result_configuration {
      output_location = "s3://${local.bucket_names["results"]}/athena/"

      encryption_configuration {
        encryption_option = local.uses_key["results"] ? "SSE_KMS" : "SSE_S3"
        kms_key_arn       = local.uses_key["results"] ? var.kms_key_arn : null
      }
    }
  }
}
