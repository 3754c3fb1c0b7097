package cli

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/launch"
)

// devnetFiles are all that generate makes below its folder.
var devnetFiles = []string{"nodes", "devnet.json", ".env", "prometheus/targets/nodes.json", "prometheus/targets-local/nodes.json"}

// devnetCodeLife is how long a node that was never started can still come in.
const devnetCodeLife = 90 * 24 * time.Hour

// Ports that a node has in its container.
const devnetHTTP, devnetP2P, devnetMetrics = 7845, 7000, 9090

//go:embed devnet.compose.yml
var devnetComposeText string

// letter of the i-th node.
func letter(i int) string { return string(rune('a' + i)) }

// devnetCompose is the Compose file; it holds no secret, and is the same everywhere.
func devnetCompose(nodes int) ([]byte, error) {
	type service struct {
		Letter         string
		HTTP, P2P, Tip int
	}
	var all []service
	for i := range nodes {
		all = append(all, service{letter(i), 5001 + i, 4001 + i, 11 + i})
	}
	t, err := template.New("compose").Parse(devnetComposeText)
	if err != nil {
		return nil, fmt.Errorf("compose file: %w", err)
	}
	var b strings.Builder
	err = t.Execute(&b, map[string]any{"Count": nodes, "Nodes": all})
	return []byte(b.String()), err
}

// generate makes what is missing for so many nodes.
func (d *devnet) generate(ctx context.Context, nodes int) error {
	if err := os.MkdirAll(filepath.Join(d.dir, "nodes"), 0o755); err != nil {
		return fmt.Errorf("devnet: %w", err)
	}
	if len(d.Nodes) < nodes {
		invite, done, err := d.inviter(ctx)
		if err != nil {
			return err
		}
		for i := len(d.Nodes); i < nodes && err == nil; i++ {
			err = d.add(ctx, i, invite)
		}
		if err := errors.Join(err, done()); err != nil {
			return err
		}
	}
	return d.write()
}

type inviting func(context.Context) (code string, err error)

// inviter is the first node's, over its API if it runs, or else started for this
// in here, on the store that it will go on from.
func (d *devnet) inviter(ctx context.Context) (inviting, func() error, error) {
	apiURL, apiKey, done := "", "", func() error { return nil }
	if len(d.Nodes) > 0 {
		apiURL, apiKey = d.Nodes[0].APIURL, d.Nodes[0].APIKey
	}
	if apiURL == "" || !answers(apiURL) {
		run, err := d.found(ctx, len(d.Nodes) > 1)
		if err != nil {
			return nil, nil, err
		}
		apiURL, apiKey, done = run.APIURL(), "", run.Close
	}
	api, err := client.New(apiURL, client.Options{APIKey: apiKey})
	if err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return func(ctx context.Context) (string, error) {
		inv, err := api.FederationInvite(ctx, icn.RoleNode, devnetCodeLife)
		return inv.Code, err
	}, done, nil
}

// answers says whether somebody listens there.
func answers(apiURL string) bool {
	u, err := url.Parse(apiURL)
	if err != nil {
		return false
	}
	c, err := net.DialTimeout("tcp", u.Host, 2*time.Second)
	if err != nil {
		return false
	}
	return c.Close() == nil
}

// found starts the first node, which founds the federation if it did not before.
func (d *devnet) found(ctx context.Context, others bool) (*launch.Running, error) {
	cfg := config.Default()
	cfg.Runtime.NodeName, cfg.Federation.Name = d.name(0), d.Federation
	cfg.Storage.Path, cfg.Identity.KeyPath = d.store(0), d.key(0)
	cfg.Network.HTTPListenAddr = "127.0.0.1:0"
	if err := os.MkdirAll(d.home(0), 0o700); err != nil {
		return nil, fmt.Errorf("devnet: %w", err)
	}
	run, err := launch.Start(ctx, cfg, launch.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, fmt.Errorf("found the devnet: %w", err)
	}
	api, err := client.New(run.APIURL(), client.Options{})
	if err == nil {
		err = until(ctx, patience, func(ctx context.Context) error {
			_, err := api.Ready(ctx)
			return err
		})
	}
	if err != nil && others {
		err = advised{fmt.Errorf("%w: the first node alone cannot let others in", err), "Start the devnet, and generate then: icn-devnet/launch_federation.sh"}
	}
	if err != nil {
		return nil, errors.Join(err, run.Close())
	}
	return run, nil
}

func (d *devnet) name(i int) string  { return "node-" + letter(i) }
func (d *devnet) home(i int) string  { return filepath.Join(d.dir, "nodes", d.name(i)) }
func (d *devnet) store(i int) string { return filepath.Join(d.home(i), "node") }
func (d *devnet) key(i int) string   { return filepath.Join(d.home(i), "node.key") }

// add makes the i-th node.
func (d *devnet) add(ctx context.Context, i int, invite inviting) error {
	if err := os.MkdirAll(d.home(i), 0o700); err != nil {
		return fmt.Errorf("devnet: %w", err)
	}
	pair, _, err := key.LoadOrCreate(d.key(i), "")
	if err != nil {
		return err
	}
	code := ""
	if i > 0 {
		if code, err = invite(ctx); err != nil {
			return fmt.Errorf("join code for %s: %w", d.name(i), err)
		}
	}
	id := key.PeerID(pair.DID())
	n := devnetNode{
		Name: d.name(i), DID: pair.DID(), PeerID: id, APIKey: "devnet-" + letter(i) + "-key",
		APIURL:  "http://" + loopback(d.HTTPPort+i),
		P2P:     fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/p2p/%s", d.P2PPort+i, id),
		Metrics: loopback(d.MetricsPort + i),
	}
	if err := d.writeEnv(i, n, code); err != nil {
		return err
	}
	d.Nodes = append(d.Nodes, n)
	return d.remember()
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// writeEnv writes the node's settings twice: for a container, and for a process.
func (d *devnet) writeEnv(i int, n devnetNode, code string) error {
	var inside, here []string
	for j := range min(i, 3) {
		inside = append(inside, fmt.Sprintf("/dns4/icn-node-%s/tcp/%d/p2p/%s", letter(j), devnetP2P, d.Nodes[j].PeerID))
		here = append(here, d.Nodes[j].P2P)
	}
	home, err := filepath.Abs(d.home(i))
	if err != nil {
		return fmt.Errorf("devnet: %w", err)
	}
	common := [][2]string{{"ICN_NODE_NAME", n.Name}, {"ICN_API_KEY", n.APIKey}, {"ICN_FEDERATION_NAME", d.Federation}, {"ICN_JOIN_CODE", code}}
	container := append(common[:len(common):len(common)],
		[2]string{"ICN_HTTP_LISTEN_ADDR", fmt.Sprintf("0.0.0.0:%d", devnetHTTP)}, [2]string{"ICN_P2P_LISTEN_ADDR", fmt.Sprintf("/ip4/0.0.0.0/tcp/%d", devnetP2P)},
		[2]string{"ICN_MONITORING_METRICS_BIND_ADDR", fmt.Sprintf("0.0.0.0:%d", devnetMetrics)},
		[2]string{"ICN_STORAGE_PATH", "/var/lib/icn/node"}, [2]string{"ICN_KEY_PATH", "/var/lib/icn/node.key"},
		[2]string{"ICN_BOOTSTRAP_PEERS", strings.Join(inside, ",")})
	process := append(common[:len(common):len(common)],
		[2]string{"ICN_HTTP_LISTEN_ADDR", loopback(d.HTTPPort + i)}, [2]string{"ICN_P2P_LISTEN_ADDR", fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", d.P2PPort+i)},
		[2]string{"ICN_MONITORING_METRICS_BIND_ADDR", n.Metrics},
		[2]string{"ICN_STORAGE_PATH", filepath.Join(home, "node")}, [2]string{"ICN_KEY_PATH", filepath.Join(home, "node.key")},
		[2]string{"ICN_BOOTSTRAP_PEERS", strings.Join(here, ",")})
	return errors.Join(writeVariables(d.home(i)+".env", container), writeVariables(d.home(i)+".local.env", process))
}

// writeVariables writes NAME=value lines, without those that are empty.
func writeVariables(path string, vars [][2]string) error {
	var b strings.Builder
	for _, v := range vars {
		if v[1] != "" {
			fmt.Fprintf(&b, "%s=%s\n", v[0], v[1])
		}
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}

// remember writes devnet.json.
func (d *devnet) remember() error {
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return fmt.Errorf("devnet: %w", err)
	}
	return os.WriteFile(filepath.Join(d.dir, "devnet.json"), append(b, '\n'), 0o600)
}

// scraped is an entry of Prometheus' list of what to look at.
type scraped struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// write writes what follows from the list of nodes.
func (d *devnet) write() error {
	var inside, here []scraped
	for i, n := range d.Nodes {
		labels := map[string]string{"node": n.Name, "federation": d.Federation}
		inside = append(inside, scraped{[]string{fmt.Sprintf("icn-node-%s:%d", letter(i), devnetMetrics)}, labels})
		here = append(here, scraped{[]string{n.Metrics}, labels})
	}
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 1000, 1000 // root's nodes are not run as root
	}
	env := fmt.Sprintf("ICN_DEVNET_UID=%d\nICN_DEVNET_GID=%d\n", uid, gid)
	return errors.Join(
		os.WriteFile(filepath.Join(d.dir, ".env"), []byte(env), 0o644),
		writeTargets(filepath.Join(d.dir, "prometheus", "targets"), inside),
		writeTargets(filepath.Join(d.dir, "prometheus", "targets-local"), here),
		d.giveTo(uid, gid))
}

func writeTargets(dir string, all []scraped) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("devnet: %w", err)
	}
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("devnet: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, "nodes.json"), append(b, '\n'), 0o644)
}

// giveTo lets the user that the containers run as have the nodes' folders.
func (d *devnet) giveTo(uid, gid int) error {
	if os.Geteuid() != 0 {
		return nil
	}
	for i := range d.Nodes {
		err := filepath.WalkDir(d.home(i), func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, uid, gid)
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a running node removes files
			return fmt.Errorf("devnet: %w", err)
		}
	}
	return nil
}
