variable "name" {
  description = "Name of the federation."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,61}$", var.name))
    error_message = "A federation's name has small letters, digits and hyphens, such as \"north\"."
  }
}

variable "domain" {
  description = "Domain below which each node has a name: NODE.DOMAIN."
  type        = string
}

variable "nodes" {
  description = <<-EOT
    The nodes, by name. address: where Ansible and other nodes reach it; region: where its
    machine is, for whatever makes machines; jobs: how many jobs at once (0: as many as
    processors).
  EOT
  type = map(object({
    address = string
    region  = optional(string, "")
    jobs    = optional(number, 0)
  }))

  validation {
    condition     = length(var.nodes) > 0 && alltrue([for name, _ in var.nodes : can(regex("^[a-z0-9][a-z0-9-]{0,61}$", name))])
    error_message = "There is at least one node, and each name has small letters, digits and hyphens."
  }
  validation {
    condition     = length(distinct([for n in var.nodes : n.address])) == length(var.nodes)
    error_message = "Two nodes have the same address."
  }
}

variable "founder" {
  description = "The node that founds the federation; the first by name, if it is not given. Others knock there."
  type        = string
  default     = ""
}

variable "founder_peer_id" {
  description = "The founder's peer id (icn-cli network local-peer-id), known once it runs. Until then others found nothing and knock nowhere."
  type        = string
  default     = ""
}

variable "release" {
  description = "The package: its version, address and SHA-256, as SHA256SUMS of the release says."
  type = object({
    version = string
    deb_url = string
    sha256  = string
  })

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.release.sha256)) && can(regex("^https://", var.release.deb_url))
    error_message = "The package comes over https://, and its SHA-256 has 64 hexadecimal digits."
  }
}

variable "p2p_port" {
  description = "Port for other nodes, TCP and UDP."
  type        = number
  default     = 7000
}

variable "api_allow" {
  description = "Networks that may reach the API; none: it listens on the node alone."
  type        = list(string)
  default     = []
}
