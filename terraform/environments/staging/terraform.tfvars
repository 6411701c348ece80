# As prod, but smaller. The account is an example: put your own here and in backend.hcl.
environment       = "staging"
account_id        = "222222222222"
region            = "us-east-1"
data_class        = "internal"
github_repository = "example/shoplake"

final_snapshots       = false
backup_retention_days = 7

network = {
  cidr  = "10.41.0.0/16"
  zones = ["us-east-1a", "us-east-1b"]
  nat   = "one"
}

relational = { instance_class = "db.t4g.medium" }
cache      = { node_type = "cache.t4g.small" }
documents  = { instances = { a = "db.t4g.medium", b = "db.t4g.medium" } }
stream     = { instance_type = "kafka.t3.small", brokers = 2, storage_gb = 50 }

alert_emails       = ["data-platform@example.com"]
monthly_budget_usd = 1000
