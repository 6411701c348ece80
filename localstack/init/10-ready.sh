#!/bin/sh
# Runs inside LocalStack once it answers: says so in its log. What the platform needs is Terraform's to make.
set -eu
awslocal sts get-caller-identity --output text
