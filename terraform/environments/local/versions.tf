terraform {
  required_version = ">= 1.11.0"

  # The path of the state comes from outside (`shoplake env`), so that every stack has its own.
  backend "local" {}

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}
