# Three machines that are there already: writes the inventory for Ansible, and for each
# machine the user data for cloud-init.
terraform {
  required_version = ">= 1.6.0"
  required_providers {
    local = {
      source  = "hashicorp/local"
      version = "~> 2.5"
    }
  }
}

variable "out" {
  description = "Folder for what is written."
  type        = string
  default     = "out"
}

variable "founder_peer_id" {
  description = "Of the first node, once it runs."
  type        = string
  default     = ""
}

module "federation" {
  source = "../../modules/federation"

  name            = "north"
  domain          = "north.example"
  founder_peer_id = var.founder_peer_id
  nodes = {
    node-1 = { address = "192.0.2.11", region = "north" }
    node-2 = { address = "192.0.2.12", region = "east" }
    node-3 = { address = "192.0.2.13", region = "west", jobs = 2 }
  }
  release = {
    version = "0.1.0"
    deb_url = "https://downloads.example/icn-core_0.1.0_amd64.deb"
    sha256  = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }
}

resource "local_file" "inventory" {
  filename        = "${var.out}/inventory.yml"
  content         = module.federation.inventory
  file_permission = "0644"
}

resource "local_file" "user_data" {
  for_each        = module.federation.user_data
  filename        = "${var.out}/${each.key}.user-data.yml"
  content         = each.value
  file_permission = "0644"
}

resource "local_file" "config" {
  for_each        = module.federation.config
  filename        = "${var.out}/${each.key}.toml"
  content         = each.value
  file_permission = "0644"
}
