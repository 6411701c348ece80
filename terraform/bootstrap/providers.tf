provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      project     = "shoplake"
      environment = local.tag
      owner       = var.owner
      cost-center = var.cost_center
      data-class  = "internal"
      commit      = "bootstrap"
    }
  }
}
