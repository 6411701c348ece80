bucket = "shoplake-state-222222222222"
region = "us-east-1"
