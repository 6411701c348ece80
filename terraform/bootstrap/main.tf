# Once per account, by a person: the bucket of the states with the log of who used it, the boundary of every role, and
# the roles by which GitHub plans and applies. What an apply may do is in permissions_*.tf.

locals {
  name_prefix = "shoplake-${var.environment}"

  # Names and tag are not the environment's own: no permission on its names reaches what is made here, and none of it is a
  # survivor of an environment that was destroyed.
  own_prefix = "shoplake-bootstrap-${var.environment}"
  tag        = "${var.environment}-bootstrap"

  log_bucket = "access-logs"
  bucket_names = {
    state              = "shoplake-state-${var.account_id}"
    (local.log_bucket) = "shoplake-state-access-logs-${var.account_id}"
  }
  bucket_arns      = { for key, name in local.bucket_names : key => "arn:aws:s3:::${name}" }
  state_object_arn = "${local.bucket_arns["state"]}/shoplake/${var.environment}/terraform.tfstate"

  kept_days = { state = null, (local.log_bucket) = 400 }
}

module "keys" {
  source = "../modules/keys"

  name_prefix = local.own_prefix
  account_id  = var.account_id
  region      = var.region
  keys        = { state = { description = "Terraform's states" } }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144:A state describes one region's resources and is of no use without them; versions of a year guard against mistakes
  #checkov:skip=CKV2_AWS_62:Nothing acts on a new state or a new log; who wrote which is in the access logs
  for_each = local.bucket_names

  bucket = each.value

  lifecycle {
    prevent_destroy = true
  }
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

# S3 delivers its access logs to no bucket with a key of ours.
resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    bucket_key_enabled = each.key != local.log_bucket

    apply_server_side_encryption_by_default {
      sse_algorithm     = each.key == local.log_bucket ? "AES256" : "aws:kms"
      kms_master_key_id = each.key == local.log_bucket ? null : module.keys.key_arns["state"]
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

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    id     = "old-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days           = 365
      newer_noncurrent_versions = 20
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  dynamic "rule" {
    for_each = local.kept_days[each.key] == null ? {} : { expire = local.kept_days[each.key] }

    content {
      id     = rule.key
      status = "Enabled"

      filter {}

      expiration {
        days = rule.value
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "DenyPlainHttp"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.bucket_arns[each.key], "${local.bucket_arns[each.key]}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      each.key != local.log_bucket ? [] : [{
        Sid       = "AccessLogsOfTheStates"
        Effect    = "Allow"
        Principal = { Service = "logging.s3.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = ["${local.bucket_arns[local.log_bucket]}/*"]
        Condition = { ArnEquals = { "aws:SourceArn" = local.bucket_arns["state"] } }
      }],
    )
  })

  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_logging" "this" {
  for_each = { for key, bucket in aws_s3_bucket.this : key => bucket.id if key != local.log_bucket }

  bucket        = each.value
  target_bucket = aws_s3_bucket.this[local.log_bucket].id
  target_prefix = "${each.key}/"
}
