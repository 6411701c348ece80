# Whoever holds the credentials of another account plans and applies nothing here.
provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      project     = "shoplake"
      environment = var.environment
      owner       = var.owner
      cost-center = var.cost_center
      data-class  = var.data_class
      commit      = var.commit
    }
  }
}
