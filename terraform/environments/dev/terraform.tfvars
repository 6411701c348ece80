# Small, and switched off at night. The account is an example: put your own here and in backend.hcl.
environment       = "dev"
account_id        = "111111111111"
region            = "us-east-1"
data_class        = "synthetic"
github_repository = "example/shoplake"

final_snapshots       = false
backup_retention_days = 7

network = {
  cidr                = "10.40.0.0/16"
  zones               = ["us-east-1a", "us-east-1b"]
  nat                 = "one"
  interface_endpoints = []
}

relational = {
  instance_class = "db.t4g.medium"
  storage_gb     = 20
  max_storage_gb = 100
  office_hours   = { stop = "cron(0 20 ? * * *)", start = "cron(0 7 ? * MON-FRI *)" }
}

cache     = { node_type = "cache.t4g.micro", nodes = 2 }
documents = { instances = { a = "db.t4g.medium", b = "db.t4g.medium" } }
stream    = { instance_type = "kafka.t3.small", brokers = 2, storage_gb = 20, retention_hours = 48 }

alert_emails       = ["data-platform@example.com"]
monthly_budget_usd = 500
