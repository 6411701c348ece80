# Dagster's daemon, web server and code server as one Fargate task, with the runs that they start: they share a socket
# and a home, as on one machine. There is never a second task: two daemons would start each schedule twice.

data "aws_region" "current" {}

locals {
  name = "${var.name_prefix}-workflows"

  environment = merge(
    {
      SHOPLAKE_HOME                 = "/var/lib/shoplake"
      SHOPLAKE_WORKFLOW_ENVIRONMENT = var.environment
    },
    var.variables,
  )
}

resource "aws_ecs_cluster" "this" {
  name = local.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "this" {
  family                   = local.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.size.cpu
  memory                   = var.size.memory_mb
  task_role_arn            = var.task_role_arn
  execution_role_arn       = aws_iam_role.execution.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.size.architecture
  }

  ephemeral_storage {
    size_in_gib = var.size.disk_gib
  }

  # The home, and /tmp: nothing else can be written.
  volume {
    name = "home"
  }

  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([{
    name                   = "workflows"
    image                  = var.image
    essential              = true
    command                = ["workflow", "up", "--foreground", "--environment", var.environment, "--port", tostring(var.port)]
    readonlyRootFilesystem = true
    user                   = "10001:10001"
    stopTimeout            = 120 # Fargate's longest: runs are interrupted, and can be resumed

    environment = [for name in sort(keys(local.environment)) : { name = name, value = local.environment[name] }]
    secrets     = [for name in sort(keys(var.secrets)) : { name = name, valueFrom = var.secrets[name] }]

    linuxParameters = {
      initProcessEnabled = true
      capabilities       = { drop = ["ALL"], add = [] }
    }

    mountPoints = [
      { sourceVolume = "home", containerPath = "/var/lib/shoplake", readOnly = false },
      { sourceVolume = "tmp", containerPath = "/tmp", readOnly = false },
    ]

    healthCheck = {
      command     = ["CMD", "python", "-m", "shoplake.orchestration.servers.healthy", tostring(var.port)]
      interval    = 30
      timeout     = 10
      retries     = 3
      startPeriod = 300
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = var.log_group.name
        awslogs-region        = data.aws_region.current.name
        awslogs-stream-prefix = "workflows"
      }
    }
  }])
}

resource "aws_ecs_service" "this" {
  name             = local.name
  cluster          = aws_ecs_cluster.this.id
  task_definition  = aws_ecs_task_definition.this.arn
  launch_type      = "FARGATE"
  platform_version = "LATEST"
  propagate_tags   = "SERVICE"

  # The old task ends before the new one starts.
  desired_count                      = 1
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100

  # The web pages have no login. Who may start a session of Systems Manager in the task forwards a port to them.
  enable_execute_command = true

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.network.subnet_ids
    security_groups  = [var.network.security_group_id]
    assign_public_ip = false
  }

  lifecycle {
    ignore_changes = [desired_count] # the schedule of the night changes it
  }
}
