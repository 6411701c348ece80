# Three zones, and what is destroyed leaves a last snapshot. The account is an example: put your own here and in
# backend.hcl.
environment       = "prod"
account_id        = "333333333333"
region            = "us-east-1"
data_class        = "confidential"
github_repository = "example/shoplake"

network = {
  cidr  = "10.42.0.0/16"
  zones = ["us-east-1a", "us-east-1b", "us-east-1c"]
}

relational = {
  instance_class = "db.m7g.large"
  storage_gb     = 200
  max_storage_gb = 2000
}

cache     = { node_type = "cache.m7g.large", nodes = 3 }
documents = { instances = { a = "db.r6g.large", b = "db.r6g.large", c = "db.r6g.large" } }
stream    = { instance_type = "kafka.m7g.large", brokers = 3, storage_gb = 500 }

alert_emails         = ["data-platform@example.com", "on-call@example.com"]
monthly_budget_usd   = 5000
cost_allocation_tags = ["project", "environment", "owner", "cost-center", "data-class"]
