bucket = "shoplake-state-333333333333"
region = "us-east-1"
