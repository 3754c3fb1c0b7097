variables {
  name   = "north"
  domain = "north.example"
  nodes = {
    a = { address = "192.0.2.11" }
    b = { address = "192.0.2.12", jobs = 4 }
  }
  release = {
    version = "0.1.0"
    deb_url = "https://downloads.example/icn-core_0.1.0_amd64.deb"
    sha256  = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }
}

run "the_first_founds" {
  command = apply
  assert {
    condition     = output.founder == "a" && output.release == "0.1.0"
    error_message = "The first node founds the federation, of that release."
  }
  assert {
    condition     = yamldecode(output.inventory).icn_nodes.hosts.b.icn_max_concurrent_jobs == 4
    error_message = "The inventory says what the nodes are."
  }
  assert {
    condition     = !strcontains(output.user_data["b"], "systemctl") && strcontains(output.user_data["a"], "systemctl")
    error_message = "A node that knows nobody is not started, or it would found a federation of its own."
  }
}

run "others_knock_at_the_founder" {
  command = plan
  variables {
    founder         = "b"
    founder_peer_id = "12D3KooWExample"
  }
  assert {
    condition     = yamldecode(output.inventory).icn_nodes.hosts.a.icn_bootstrap_peers[0] == "/ip4/192.0.2.12/tcp/7000/p2p/12D3KooWExample"
    error_message = "Node a knocks at node b."
  }
  assert {
    condition     = length(yamldecode(output.inventory).icn_nodes.hosts.b.icn_bootstrap_peers) == 0
    error_message = "The founder knocks nowhere."
  }
}

run "a_founder_that_is_none_of_the_nodes_is_refused" {
  command = plan
  variables {
    founder = "z"
  }
  expect_failures = [terraform_data.release]
}

run "a_package_without_its_sum_is_refused" {
  command = plan
  variables {
    release = { version = "0.1.0", deb_url = "http://downloads.example/x.deb", sha256 = "" }
  }
  expect_failures = [var.release]
}

run "two_nodes_at_one_address_are_refused" {
  command = plan
  variables {
    nodes = { a = { address = "192.0.2.11" }, b = { address = "192.0.2.11" } }
  }
  expect_failures = [var.nodes]
}
