# Storage tiers and the end of old versions. Without it a versioned bucket only ever grows.

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = { for key, bucket in local.buckets : key => bucket.retention if var.lifecycle_rules }

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    id     = "versions-and-uploads"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = each.value.old_versions_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  dynamic "rule" {
    for_each = each.value.infrequent_access_after_days == null ? {} : { tier = each.value }

    content {
      id     = "infrequent-access"
      status = "Enabled"

      filter {}

      transition {
        days          = rule.value.infrequent_access_after_days
        storage_class = "STANDARD_IA"
      }
    }
  }

  dynamic "rule" {
    for_each = each.value.archive_after_days == null ? {} : { archive = each.value }

    content {
      id     = "archive"
      status = "Enabled"

      filter {}

      transition {
        days          = rule.value.archive_after_days
        storage_class = "GLACIER_IR"
      }
    }
  }

  dynamic "rule" {
    for_each = each.value.expire_after_days == null ? {} : { expiry = each.value }

    content {
      id     = "expire"
      status = "Enabled"

      filter {}

      expiration {
        days = rule.value.expire_after_days
      }
    }
  }

  # Rules about old versions are refused while versioning is not on.
  depends_on = [aws_s3_bucket_versioning.this]
}
