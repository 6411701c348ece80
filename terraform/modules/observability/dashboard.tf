# One graph per alarm, with its threshold drawn in.

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name_prefix

  dashboard_body = jsonencode({
    widgets = [
      for index, name in keys(var.alarms) : {
        type   = "metric"
        width  = 8
        height = 6
        x      = index % 3 * 8
        y      = floor(index / 3) * 6
        properties = {
          title   = var.alarms[name].description
          region  = var.region
          stat    = var.alarms[name].statistic
          period  = var.alarms[name].period_s
          metrics = [concat([var.alarms[name].namespace, var.alarms[name].metric], flatten([for key, value in var.alarms[name].dimensions : [key, value]]))]
          annotations = {
            horizontal = [{ label = "alarm", value = var.alarms[name].threshold }]
          }
        }
      }
    ]
  })
}
