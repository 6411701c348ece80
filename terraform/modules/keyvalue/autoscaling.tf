# Capacity that follows the load, for tables that do not bill per request.

locals {
  scaled = merge([
    for name, table in var.tables : {
      for dimension in ["read", "write"] : "${name}-${dimension}" => {
        table     = name
        dimension = title(dimension)
        min       = table.provisioned[dimension]
        max       = table.provisioned["max_${dimension}"]
        target    = table.provisioned.target_percent
      }
    } if table.provisioned != null
  ]...)
}

resource "aws_appautoscaling_target" "this" {
  for_each = local.scaled

  service_namespace  = "dynamodb"
  resource_id        = "table/${aws_dynamodb_table.this[each.value.table].name}"
  scalable_dimension = "dynamodb:table:${each.value.dimension}CapacityUnits"
  min_capacity       = each.value.min
  max_capacity       = each.value.max
}

resource "aws_appautoscaling_policy" "this" {
  for_each = local.scaled

  name               = "${var.name_prefix}-${each.key}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[each.key].service_namespace
  resource_id        = aws_appautoscaling_target.this[each.key].resource_id
  scalable_dimension = aws_appautoscaling_target.this[each.key].scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value = each.value.target

    predefined_metric_specification {
      predefined_metric_type = "DynamoDB${each.value.dimension}CapacityUtilization"
    }
  }
}
