bucket = "shoplake-state-111111111111"
region = "us-east-1"
