# The endpoint comes from AWS_ENDPOINT_URL alone. The account is an emulator's: against real AWS, which has no
# account of zeros, nothing of this environment can be planned or applied.
provider "aws" {
  region              = var.region
  allowed_account_ids = [var.emulator_account_id]

  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = false

  default_tags {
    tags = {
      project     = "shoplake"
      environment = local.environment
      owner       = var.owner
      cost-center = var.cost_center
      data-class  = var.data_class
    }
  }
}
