# DynamoDB tables from one typed map.

locals {
  # DynamoDB wants every key of a table and its indexes declared once, with its type.
  attributes = {
    for name, table in var.tables : name => merge([
      for key in concat(
        [table.hash_key, table.range_key],
        flatten([for index in values(table.global_indexes) : [index.hash_key, index.range_key]])
      ) : { (key.name) = key.type } if key != null
    ]...)
  }

  billing_modes = { for name, table in var.tables : name => "PROVISIONED" if table.provisioned != null }
}

resource "aws_dynamodb_table" "this" {
  for_each = var.tables

  name         = "${var.name_prefix}-${each.key}"
  hash_key     = each.value.hash_key.name
  range_key    = try(each.value.range_key.name, null)
  billing_mode = lookup(local.billing_modes, each.key, "PAY_PER_REQUEST")

  read_capacity  = try(each.value.provisioned.read, null)
  write_capacity = try(each.value.provisioned.write, null)

  deletion_protection_enabled = each.value.deletion_protection
  stream_enabled              = each.value.stream != null
  stream_view_type            = each.value.stream

  dynamic "attribute" {
    for_each = local.attributes[each.key]

    content {
      name = attribute.key
      type = attribute.value
    }
  }

  dynamic "global_secondary_index" {
    for_each = each.value.global_indexes

    content {
      name               = global_secondary_index.key
      hash_key           = global_secondary_index.value.hash_key.name
      range_key          = try(global_secondary_index.value.range_key.name, null)
      projection_type    = global_secondary_index.value.projection
      non_key_attributes = global_secondary_index.value.projection == "INCLUDE" ? global_secondary_index.value.included : null
    }
  }

  dynamic "ttl" {
    for_each = each.value.ttl_attribute == null ? {} : { ttl = each.value.ttl_attribute }

    content {
      attribute_name = ttl.value
      enabled        = true
    }
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }

  # Where it is provisioned, autoscaling moves it; where it is not, there is none.
  lifecycle {
    ignore_changes = [read_capacity, write_capacity]
  }
}
