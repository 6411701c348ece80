mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  name_prefix   = "shoplake-test"
  database_name = "shoplake_test"
}

run "buckets_are_safe_by_default" {
  command = plan

  assert {
    condition     = toset(keys(aws_s3_bucket.this)) == toset(["raw", "curated", "logs", "results", "access-logs"])
    error_message = "There must be a bucket for each role."
  }

  assert {
    condition     = alltrue([for bucket in aws_s3_bucket.this : bucket.force_destroy == false])
    error_message = "A bucket with objects must not be destroyed by default."
  }

  assert {
    condition     = alltrue([for v in aws_s3_bucket_versioning.this : v.versioning_configuration[0].status == "Enabled"])
    error_message = "Every bucket must be versioned."
  }

  assert {
    condition = alltrue([
      for block in aws_s3_bucket_public_access_block.this :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ])
    error_message = "Every bucket must be closed to the public."
  }

  assert {
    condition = alltrue([
      for encryption in aws_s3_bucket_server_side_encryption_configuration.this :
      one(one(encryption.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    ])
    error_message = "Every bucket must be encrypted, also without a key of ours."
  }

  assert {
    condition     = keys(aws_s3_bucket_lifecycle_configuration.this) == keys(aws_s3_bucket.this)
    error_message = "Old versions must expire by default."
  }
}

run "plain_http_is_denied_to_everyone" {
  command = plan

  assert {
    condition = alltrue([
      for key, policy in aws_s3_bucket_policy.tls_only :
      jsondecode(policy.policy).Statement[0] == {
        Sid       = "DenyPlainHttp"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = ["arn:aws:s3:::shoplake-test-${key}", "arn:aws:s3:::shoplake-test-${key}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }
    ])
    error_message = "The bucket policy must deny every call without TLS, on the bucket and its objects."
  }
}

run "a_key_of_ours_encrypts_every_bucket" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:111122223333:key/0f0f0f0f-0000-0000-0000-000000000000"
  }

  assert {
    condition = alltrue([
      for key, encryption in aws_s3_bucket_server_side_encryption_configuration.this :
      key == "access-logs" ? one(one(encryption.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256" : (
        one(one(encryption.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms" && one(encryption.rule).bucket_key_enabled
      )
    ])
    error_message = "With a key, every bucket must use it through a bucket key, but the one S3 delivers its logs to."
  }
}

run "tiers_follow_the_retention_of_a_bucket" {
  command = plan

  variables {
    buckets = {
      raw     = { retention = { infrequent_access_after_days = 45, archive_after_days = 90, expire_after_days = 400 } }
      curated = {}
      logs    = { retention = { expire_after_days = 90 } }
    }
    athena             = null
    bucket_name_suffix = "111122223333"
  }

  assert {
    condition     = aws_s3_bucket.this["logs"].bucket == "shoplake-test-logs-111122223333"
    error_message = "A further bucket is named like the others, with the suffix."
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this["raw"].rule : rule.id] == ["versions-and-uploads", "infrequent-access", "archive", "expire"]
    error_message = "raw must move to infrequent access, to the archive, and then expire."
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this["curated"].rule : rule.id] == ["versions-and-uploads"]
    error_message = "Iceberg expires the files of curated, S3 must not."
  }
}

run "access_is_logged_and_delivered_by_s3_alone" {
  command = plan

  assert {
    condition     = toset(keys(aws_s3_bucket_logging.this)) == toset(["raw", "curated", "logs", "results"])
    error_message = "Access to every bucket but the log's own must be logged."
  }

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.tls_only["access-logs"].policy).Statement[1].Principal == { Service = "logging.s3.amazonaws.com" }
    error_message = "Only S3's log delivery may write the access logs."
  }

  assert {
    condition     = length(jsondecode(aws_s3_bucket_policy.tls_only["raw"].policy).Statement) == 1
    error_message = "Other buckets let nobody in."
  }
}

run "queries_are_bounded_and_raw_tells_of_its_objects" {
  command = plan

  assert {
    condition = (
      output.workgroup == "shoplake-test" &&
      one(aws_athena_workgroup.this["shoplake-test"].configuration).enforce_workgroup_configuration &&
      one(aws_athena_workgroup.this["shoplake-test"].configuration).bytes_scanned_cutoff_per_query == 107374182400
    )
    error_message = "A query must not read more than allowed, nor choose where its results go."
  }

  assert {
    condition     = keys(aws_s3_bucket_notification.this) == ["raw"] && aws_s3_bucket_notification.this["raw"].eventbridge
    error_message = "EventBridge must learn of each raw object."
  }
}

run "archiving_before_infrequent_access_has_lasted_is_refused" {
  command = plan

  variables {
    buckets = { raw = { retention = { infrequent_access_after_days = 45, archive_after_days = 60 } }, curated = {}, results = {} }
  }

  expect_failures = [var.buckets]
}

run "athena_without_results_and_no_days_of_access_logs_are_refused" {
  command = plan

  variables {
    buckets         = { raw = {}, curated = {} }
    access_log_days = 0
  }

  expect_failures = [var.athena, var.access_log_days]
}

run "without_glue_the_catalogue_is_sql" {
  command = plan

  variables {
    glue_catalog    = false
    lifecycle_rules = false
  }

  assert {
    condition     = output.catalog == "sql" && output.database == "shoplake_test" && length(output.glue_databases) == 0
    error_message = "Without Glue the database is a namespace of the SQL catalogue."
  }

  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.this) == 0
    error_message = "Lifecycle rules must be switchable."
  }
}

run "a_lake_without_curated_is_refused" {
  command = plan

  variables {
    athena  = null
    buckets = { raw = {} }
  }

  expect_failures = [var.buckets]
}

run "infrequent_access_before_30_days_is_refused" {
  command = plan

  variables {
    athena  = null
    buckets = { raw = { retention = { infrequent_access_after_days = 7 } }, curated = {} }
  }

  expect_failures = [var.buckets]
}

run "retention_of_no_days_is_refused" {
  command = plan

  variables {
    athena  = null
    buckets = { raw = { retention = { old_versions_days = 0 } }, curated = {} }
  }

  expect_failures = [var.buckets]
}

run "a_bucket_key_that_is_no_name_is_refused" {
  command = plan

  variables {
    athena  = null
    buckets = { raw = {}, curated = {}, Access_Logs = {} }
  }

  expect_failures = [var.buckets]
}

run "other_bad_values_are_refused" {
  command = plan

  variables {
    name_prefix        = "Shop_Lake"
    bucket_name_suffix = "UPPER"
    database_name      = "shop-lake"
    kms_key_arn        = "alias/shoplake"
    warehouse_prefix   = "/warehouse/"
  }

  expect_failures = [
    var.name_prefix, var.bucket_name_suffix, var.database_name, var.kms_key_arn, var.warehouse_prefix,
  ]
}
