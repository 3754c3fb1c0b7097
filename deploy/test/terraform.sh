#!/usr/bin/env bash
# The Terraform module is in order and tested; the example is applied with a provider
# that was built here; the inventory it writes is one that the playbooks take, and the
# configurations are ones that icn-node takes.
set -euo pipefail
case ${1:-} in
-h | --help)
  echo 'deploy/test/terraform.sh: fmt, validate, test, plan, apply. Uses terraform, or OpenTofu (tofu) where that is what there is.'
  exit 0 ;;
esac
. "$(dirname "$0")/common.sh"
"$ROOT/scripts/deploy-tools.sh"
tf=$(command -v terraform || command -v tofu) || fail "neither terraform nor tofu is installed: install one of them, 1.6 or newer"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$ROOT/deploy/terraform" "$work/terraform" # state and plugins stay out of the tree
cd "$work/terraform"
export CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1 TF_CLI_CONFIG_FILE=$work/terraformrc

say "a provider is built from its source, and put into a mirror in a folder"
provider=2.9.0
mirror=$work/mirror
if [ ! -x "$CACHE/terraform-provider-local-$provider/terraform-provider-local" ]; then
  # The module's version of that commit, which is the release's.
  GOBIN=$CACHE/terraform-provider-local-$provider GOFLAGS=-mod=mod CGO_ENABLED=0 go install github.com/terraform-providers/terraform-provider-local@v1.4.1-0.20260513075820-3561e410f9fe
fi
for host in registry.terraform.io registry.opentofu.org; do
  to=$mirror/$host/hashicorp/local/$provider/$(go env GOHOSTOS)_$(go env GOHOSTARCH)
  mkdir -p "$to"
  cp "$CACHE/terraform-provider-local-$provider/terraform-provider-local" "$to/terraform-provider-local_v$provider"
done
cat > "$TF_CLI_CONFIG_FILE" <<END
provider_installation {
  filesystem_mirror {
    path = "$mirror"
  }
}
END
quiet() { "$@" > "$work/said" 2>&1 || { cat "$work/said"; fail "$*"; }; }

say "the files are formatted and valid; the module's tests pass"
quiet "$tf" fmt -check -recursive -diff
for dir in modules/federation examples/files; do
  quiet "$tf" -chdir="$dir" init -input=false -no-color
  quiet "$tf" -chdir="$dir" validate -no-color
done
quiet "$tf" -chdir=modules/federation test -no-color
tail -1 "$work/said"

say "the example is planned and applied; a second plan has nothing to do"
run() { quiet "$tf" -chdir=examples/files "$@"; }
run plan -input=false -no-color -var "out=$work/out" -out "$work/plan"
grep -E '^Plan:' "$work/said"
run apply -input=false -no-color "$work/plan"
run plan -input=false -no-color -var "out=$work/out" -detailed-exitcode
run apply -input=false -no-color -auto-approve -var "out=$work/out" -var founder_peer_id=12D3KooWExample

say "what it writes is taken by who is to take it"
cd "$ROOT/deploy/ansible"
ansible-inventory -i "$work/out/inventory.yml" --list > "$work/inventory.json"
jq -e '(.icn_nodes.hosts | sort) == ["node-1", "node-2", "node-3"] and ._meta.hostvars["node-3"].icn_max_concurrent_jobs == 2
  and (._meta.hostvars["node-2"].icn_bootstrap_peers[0] | endswith("/p2p/12D3KooWExample"))' "$work/inventory.json" >/dev/null || fail "the inventory is not the one that was asked for"
# Every name in it is one that the role knows.
jq -r '._meta.hostvars[] | keys[] | select(startswith("icn_"))' "$work/inventory.json" | sort -u | while read -r name; do
  grep -q "^$name:" roles/icn_node/defaults/main.yml || fail "the role does not know $name, which the inventory sets"
done
ansible-playbook -i "$work/out/inventory.yml" --syntax-check site.yml upgrade.yml > "$work/said" 2>&1 || { cat "$work/said"; fail "the playbooks do not take the inventory"; }
(cd "$ROOT" && CGO_ENABLED=0 go build -o "$work/icn-node" ./cmd/icn-node)
for n in 1 2 3; do
  # The example's peer id is none that nodes have; everything else is real.
  "$work/icn-node" config check "$work/out/node-$n.toml" || fail "icn-node does not take node-$n.toml"
  /usr/bin/python3 - "$work/out/node-$n.user-data.yml" "$work/out/node-$n.toml" <<'END' || fail "the user data of node-$n is no cloud-config that writes its configuration"
import sys, yaml
text = open(sys.argv[1]).read()
assert text.startswith("#cloud-config\n")
data = yaml.safe_load(text)
assert data["write_files"][0]["path"] == "/etc/icn/config.toml"
assert data["write_files"][0]["content"] == open(sys.argv[2]).read()
assert any("sha256sum -c" in part for command in data["runcmd"] for part in command)
END
done
say "terraform: everything holds"
