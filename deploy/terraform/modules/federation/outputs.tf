output "user_data" {
  description = "cloud-init user data, by node."
  value       = local.user_data
}

output "config" {
  description = "/etc/icn/config.toml, by node."
  value       = local.config
}

output "inventory" {
  description = "Inventory for deploy/ansible, as YAML."
  value       = yamlencode(local.inventory)
}

output "founder" {
  description = "The node that founds the federation."
  value       = local.founder
}

output "names" {
  description = "DNS records that the nodes need: name and address."
  value       = { for name, s in local.settings : s.fqdn => var.nodes[name].address }
}

output "release" {
  description = "The release that the nodes are to run."
  value       = terraform_data.release.output.version
}
