# Stops the task at night and starts it in the morning, by the number of tasks that the service wants. Schedules whose
# time was missed do not start their runs in the morning.

locals {
  tasks_at = var.office_hours == null ? {} : {
    stop  = { at = var.office_hours.stop, tasks = 0 }
    start = { at = var.office_hours.start, tasks = 1 }
  }
}

resource "aws_appautoscaling_target" "this" {
  for_each = var.office_hours == null ? {} : { (local.name) = var.office_hours }

  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = 0
  max_capacity       = 1
}

resource "aws_appautoscaling_scheduled_action" "this" {
  for_each = local.tasks_at

  name               = "${local.name}-${each.key}"
  service_namespace  = aws_appautoscaling_target.this[local.name].service_namespace
  resource_id        = aws_appautoscaling_target.this[local.name].resource_id
  scalable_dimension = aws_appautoscaling_target.this[local.name].scalable_dimension
  schedule           = each.value.at
  timezone           = var.office_hours.timezone

  scalable_target_action {
    min_capacity = each.value.tasks
    max_capacity = each.value.tasks
  }
}
