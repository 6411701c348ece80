# The lake's buckets. Every one is versioned, encrypted, closed to the public and refuses plain HTTP;
# the Glue database is in glue.tf, the lifecycle tiers in lifecycle.tf.

locals {
  # S3 writes its access logs only where S3's own keys encrypt, so that bucket is not the caller's to describe.
  log_bucket = "access-logs"
  buckets = merge(var.buckets, {
    for key, days in { (local.log_bucket) = var.access_log_days } : key => {
      events                              = false
      retention = {
        infrequent_access_after_days = null
        archive_after_days           = null
        expire_after_days            = days
        old_versions_days            = 30
      }
    } if days != null
  })
  bucket_names = {
    for key in keys(local.buckets) : key => join("-", compact([var.name_prefix, key, var.bucket_name_suffix]))
  }
  # Built from the name, so that policies are known at plan time and a plan can be checked.
  bucket_arns = { for key, name in local.bucket_names : key => "arn:${data.aws_partition.current.partition}:s3:::${name}" }

  uses_key = { for key in keys(local.buckets) : key => var.kms_key_arn != null && key != local.log_bucket }
}

data "aws_partition" "current" {}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144:A second region doubles what the lake costs and moves data out of where it may lie: its owner decides; versions guard against mistakes
  for_each = local.buckets

  bucket        = local.bucket_names[each.key]
  force_destroy = var.force_destroy

  tags = { role = each.key }
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    bucket_key_enabled = local.uses_key[each.key]

    apply_server_side_encryption_by_default {
      sse_algorithm     = local.uses_key[each.key] ? "aws:kms" : "AES256"
      kms_master_key_id = local.uses_key[each.key] ? var.kms_key_arn : null
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "tls_only" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Sid       = "DenyPlainHttp"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [local.bucket_arns[each.key], "${local.bucket_arns[each.key]}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }], each.key == local.log_bucket ? [local.log_delivery] : [])
  })

  # S3 refuses two changes of a bucket's access at once.
  depends_on = [aws_s3_bucket_public_access_block.this]
}
