# What a federation's machines are told. No machine is made here, and no provider is
# needed: give `user_data` to whatever makes them, and `inventory` to Ansible.
locals {
  founder   = var.founder != "" ? var.founder : sort(keys(var.nodes))[0]
  bootstrap = var.founder_peer_id == "" ? [] : ["/ip4/${var.nodes[local.founder].address}/tcp/${var.p2p_port}/p2p/${var.founder_peer_id}"]

  settings = {
    for name, node in var.nodes : name => {
      name      = name
      fqdn      = "${name}.${var.domain}"
      region    = node.region
      jobs      = node.jobs
      listen    = "/ip4/0.0.0.0/tcp/${var.p2p_port}"
      bootstrap = name == local.founder ? [] : local.bootstrap
    }
  }

  config = {
    for name, s in local.settings : name => templatefile("${path.module}/templates/config.toml.tftpl", {
      node       = s
      federation = var.name
    })
  }

  user_data = {
    for name, s in local.settings : name => join("\n", ["#cloud-config", yamlencode({
      hostname         = s.name
      fqdn             = s.fqdn
      package_update   = true
      packages         = ["ca-certificates", "curl"]
      ssh_pwauth       = false
      manage_etc_hosts = true
      write_files = [{
        path        = "/etc/icn/config.toml"
        owner       = "root:root"
        permissions = "0644"
        content     = local.config[name]
      }]
      # What is not the release that was named is not installed. A configuration that is
      # there stays; the founder starts at once, others as soon as they know the founder.
      runcmd = concat([
        ["sh", "-euc", join("\n", [
          "curl -fsSL --retry 5 -o /var/cache/icn-core.deb '${var.release.deb_url}'",
          "echo '${var.release.sha256}  /var/cache/icn-core.deb' | sha256sum -c -",
          "apt-get -o Dpkg::Options::=--force-confold install -y --no-install-recommends /var/cache/icn-core.deb",
        ])],
        ["icn-node", "config", "check", "/etc/icn/config.toml"],
        ], name == local.founder || length(local.bootstrap) > 0 ? [
        ["systemctl", "start", "icn-node"],
        ["icn-cli", "health", "--wait", "120s"],
      ] : [])
    })])
  }

  inventory = {
    icn_nodes = {
      vars = {
        icn_federation_name = var.name
        icn_deb_url         = var.release.deb_url
        icn_deb_sha256      = var.release.sha256
        icn_p2p_port        = var.p2p_port
        icn_firewall        = true
        icn_api_allow       = var.api_allow
      }
      hosts = {
        for name, s in local.settings : name => {
          ansible_host            = var.nodes[name].address
          icn_node_name           = name
          icn_p2p_listen_addr     = s.listen
          icn_bootstrap_peers     = s.bootstrap
          icn_max_concurrent_jobs = s.jobs
        }
      }
    }
  }
}

# A change of the release is one that plans show, also where no provider is used.
resource "terraform_data" "release" {
  input = var.release

  lifecycle {
    precondition {
      condition     = contains(keys(var.nodes), local.founder)
      error_message = "The founder, ${local.founder}, is none of the nodes: ${join(", ", sort(keys(var.nodes)))}."
    }
  }
}
