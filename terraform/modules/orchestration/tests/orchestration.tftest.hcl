mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/shoplake-test-workflows-execution" }
  }
  override_during = plan
}

variables {
  name_prefix    = "shoplake-test"
  environment    = "dev"
  account_id     = "111122223333"
  image          = "111122223333.dkr.ecr.us-east-1.amazonaws.com/shoplake@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
  repository_arn = "arn:aws:ecr:us-east-1:111122223333:repository/shoplake"
  task_role_arn  = "arn:aws:iam::111122223333:role/shoplake-test-workflows"

  permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"

  network   = { subnet_ids = ["subnet-a", "subnet-b"], security_group_id = "sg-1" }
  log_group = { name = "/shoplake/test", arn = "arn:aws:logs:us-east-1:111122223333:log-group:/shoplake/test" }
}

run "one_task_runs_and_no_second_one_beside_it" {
  command = plan

  assert {
    condition     = aws_ecs_service.this.desired_count == 1 && aws_ecs_service.this.deployment_maximum_percent == 100 && aws_ecs_service.this.deployment_minimum_healthy_percent == 0
    error_message = "Two daemons would start each schedule twice."
  }

  assert {
    condition     = one(aws_ecs_service.this.network_configuration).assign_public_ip == false
    error_message = "The task must have no public address."
  }

  assert {
    condition     = length(aws_appautoscaling_scheduled_action.this) == 0
    error_message = "Without office hours the task runs always."
  }
}

run "the_container_is_closed" {
  command = plan

  assert {
    condition = alltrue([
      for container in jsondecode(aws_ecs_task_definition.this.container_definitions) :
      container.readonlyRootFilesystem && container.user == "10001:10001" && container.linuxParameters.capabilities.drop == ["ALL"] && !can(container.portMappings)
    ])
    error_message = "The container must run without root, capabilities, ports and writes to its image."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].command == ["workflow", "up", "--foreground", "--environment", "dev", "--port", "3000"]
    error_message = "The container runs the servers of workflows."
  }

  assert {
    condition     = aws_ecs_task_definition.this.task_role_arn == var.task_role_arn && aws_iam_role.execution.permissions_boundary == var.permissions_boundary_arn
    error_message = "The workflows have their own role, and the role that starts them is bounded."
  }
}

run "the_role_that_starts_the_task_may_do_nothing_else" {
  command = plan

  assert {
    condition = toset(flatten([for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement : statement.Action])) == toset([
      "ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer",
      "logs:CreateLogStream", "logs:PutLogEvents",
    ])
    error_message = "Without secrets it reads none."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement :
      !contains(statement.Resource, "*") || statement.Action == ["ecr:GetAuthorizationToken"]
    ])
    error_message = "Only the login to the registry has no resource."
  }
}

run "secrets_are_handed_over_and_not_written_down" {
  command = plan

  variables {
    secrets         = { SHOPLAKE_WORKFLOW_WEBHOOK = "arn:aws:secretsmanager:us-east-1:111122223333:secret:shoplake/dev/webhook-a1b2c3" }
    secrets_key_arn = "arn:aws:kms:us-east-1:111122223333:key/7d0b1a52-3c5e-4f6b-9d0e-2f1a4b8c6d7e"
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].secrets == [{ name = "SHOPLAKE_WORKFLOW_WEBHOOK", valueFrom = var.secrets["SHOPLAKE_WORKFLOW_WEBHOOK"] }]
    error_message = "ECS must read the secret, not the plan."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement : statement.Resource if statement.Sid == "ReadSecrets"
    ])) == toset(values(var.secrets))
    error_message = "Exactly these secrets can be read."
  }
}

run "the_task_is_off_at_night" {
  command = plan

  variables {
    office_hours = { stop = "cron(0 20 ? * * *)", start = "cron(0 7 ? * MON-FRI *)" }
  }

  assert {
    condition     = { for name, action in aws_appautoscaling_scheduled_action.this : name => one(action.scalable_target_action).max_capacity } == { start = "1", stop = "0" }
    error_message = "It must be stopped at night, and one task started in the morning."
  }
}

run "bad_values_are_refused" {
  command = plan

  variables {
    name_prefix    = "-x-"
    environment    = "Dev"
    account_id     = "1"
    image          = "shoplake:latest"
    repository_arn = "arn:aws:ecr:us-east-1:111122223333:repository/*"
    task_role_arn  = "workflows"
    network        = { subnet_ids = ["subnet-a"], security_group_id = "sg-1" }
    log_group      = { name = "test", arn = "arn:aws:logs:us-east-1:111122223333:log-group:/shoplake/test:*" }
    size           = { cpu = 1000 }
    port           = 80
    variables      = { PGPASSWORD = "x" }
    secrets        = { SHOPLAKE_TOKEN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:*" }
    office_hours   = { stop = "20:00", start = "7:00" }
  }

  expect_failures = [
    var.name_prefix, var.environment, var.account_id, var.image, var.repository_arn, var.task_role_arn, var.network,
    var.log_group, var.size, var.port, var.variables, var.secrets, var.office_hours,
  ]
}

run "secrets_without_their_key_are_refused" {
  command = plan

  variables {
    secrets = { SHOPLAKE_TOKEN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:shoplake/dev/token-a1b2c3" }
  }

  expect_failures = [var.secrets_key_arn]
}
