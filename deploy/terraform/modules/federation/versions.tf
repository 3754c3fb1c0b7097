terraform {
  required_version = ">= 1.6.0" # or OpenTofu 1.6
}
