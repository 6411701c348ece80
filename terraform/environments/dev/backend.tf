# One state per environment, locked by S3 itself. The bucket, which `terraform/bootstrap` makes, has the account in its
# name; it and the region are in backend.hcl, with the environment's other values.
terraform {
  backend "s3" {
    key          = "shoplake/dev/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}
