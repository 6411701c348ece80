"""Find and run Terraform, and read its outputs."""
