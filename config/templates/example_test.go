package templates_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/config/templates"
)

// The first snippet of the deployment guide: a file for another machine, where the
// keys and variables are.
func Example_production() {
	dir, err := os.MkdirTemp("", "icn-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	prod := config.NewRuntimeConfigBuilder().
		ApplyTemplate(templates.ProductionServer).
		NodeDID("did:key:z6MkProdNode01").
		BuildUnchecked()
	fmt.Println(prod.ToFile(filepath.Join(dir, "production.toml")))
	fmt.Println(prod.Network.P2PListenAddr, prod.Storage.Backend, prod.Security.RequireAuth)
	// Output:
	// <nil>
	// [/ip4/0.0.0.0/tcp/7000] pebble true
}

// The second: a node for tests.
func Example_isolatedTesting() {
	test := config.NewRuntimeConfigBuilder().
		ApplyTemplate(templates.IsolatedTesting).
		BuildUnchecked()
	fmt.Print(test)
	// Output:
	// # Configuration of icn-node. What is not here is as 'icn-node config reference' tells.
	//
	// [network]
	// # host:port of the HTTP API; port 0 takes a free one
	// http_listen_addr = "127.0.0.1:0"
	//
	// [storage]
	// # memory; pebble (also called sled); sqlite; postgresql (also called postgres); rocksdb (in builds with it)
	// backend = "memory"
	//
	// [federation]
	// # name of the federation that a node without bootstrap peers founds
	// name = "test federation"
	//
	// [logging]
	// # debug, info, warn or error
	// level = "warn"
}

// Templates are put over one another: a small machine in production.
func Example_together() {
	cfg := config.NewRuntimeConfigBuilder().
		ApplyTemplate(templates.ProductionServer).
		ApplyTemplate(templates.MinimalResources).
		StoragePath("/srv/icn").
		BuildUnchecked()
	fmt.Println(cfg.Runtime.Environment, cfg.Network.MaxPeers, cfg.Performance.MaxConcurrentJobs, cfg.Storage.Path)
	// Output: production 20 1 /srv/icn
}

// Build checks as the node would, and tells everything that is wrong.
func Example_mistakes() {
	_, err := config.NewRuntimeConfigBuilder().
		StorageBackend("sledd").
		Set("network.max_peer", 10).
		Build()
	fmt.Println(err)
	_, err = config.NewRuntimeConfigBuilder().StorageBackend("sledd").Build()
	fmt.Println(err)
	// Output:
	// configuration: unknown key network.max_peer; did you mean network.max_peers?
	// configuration: invalid:
	//   storage.backend: there is no "sledd"; use one of memory, pebble, sled, sqlite, postgresql, postgres, rocksdb; did you mean sled?
}
