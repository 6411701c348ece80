mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  kafka_bootstrap_servers   = "127.0.0.1:9092"
  postgres_host             = "127.0.0.1"
  postgres_port             = 5432
  postgres_database         = "shoplake"
  postgres_user             = "shoplake"
  postgres_password         = "not-in-the-plan"
  postgres_password_version = 1
  redis_host                = "127.0.0.1"
  redis_port                = 6379
  redis_password            = "nor-this"
  redis_password_version    = 1
  mongo_uri                 = "mongodb://127.0.0.1:27017"
  mongo_database            = "shoplake"
}

run "every_store_is_there" {
  command = plan

  assert {
    condition = output.tables == {
      checkpoints = "shoplake-local-checkpoints"
      orders      = "shoplake-local-orders"
      sessions    = "shoplake-local-sessions"
    }
    error_message = "There must be the tables the sinks write."
  }

  assert {
    condition     = output.catalog == "glue" && output.database_instance == "shoplake-local-postgres"
    error_message = "By default the emulator has Glue and RDS."
  }

  assert {
    condition     = output.settings_path == "/shoplake/local"
    error_message = "The program looks for its settings under /shoplake/local."
  }
}

run "what_the_emulator_lacks_is_not_made" {
  command = plan

  variables {
    capabilities = { glue = false, rds = false }
  }

  assert {
    condition     = output.catalog == "sql" && output.database_instance == null
    error_message = "Without Glue the catalogue is SQL; without RDS there is no instance."
  }
}

run "an_account_of_aws_is_refused" {
  command = plan

  variables {
    emulator_account_id = "111122223333"
  }

  expect_failures = [var.emulator_account_id]
}

run "endpoints_that_are_none_are_refused" {
  command = plan

  variables {
    kafka_bootstrap_servers = "localhost"
    postgres_port           = 0
    redis_port              = 70000
    mongo_uri               = "127.0.0.1:27017"
    data_class              = "secret"
  }

  expect_failures = [
    var.kafka_bootstrap_servers, var.postgres_port, var.redis_port, var.mongo_uri, var.data_class,
  ]
}
