package launch

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/key"
)

// fewFiles is how many open files a node with many callers can run short of.
const fewFiles = 4096

// lookAround checks what is around the node, beside its disk.
func (r *Running) lookAround(s wire.Surroundings) []wire.Check {
	out := []wire.Check{r.checkBackup(s.Backup), r.checkAccess(), checkTime(), checkLimits()}
	for _, c := range []wire.Check{r.checkKey(), r.checkCertificate(s.Certificate), r.checkAudit()} {
		if c.Name != "" {
			out = append(out, c)
		}
	}
	return out
}

func (r *Running) production() bool { return r.cfg.Runtime.Environment == "production" }

// lasting says whether the node keeps anything.
func (r *Running) lasting() bool { return r.cfg.Storage.Backend != "memory" }

func (r *Running) checkBackup(s *wire.BackupStatus) wire.Check {
	c := wire.Check{Name: "backup", State: wire.CheckOK}
	switch {
	case s == nil && !r.lasting():
		c.Says = "nothing is kept, so there is nothing to back up"
	case s == nil:
		c.State, c.Says = wire.CheckAdvice, "this node makes no backups by itself"
		c.Do = "set backup.every (such as 24h) and backup.target, or have icn-cli dag backup run every night"
	default:
		if why := r.backups.alarm(*s); why != "" {
			c.State, c.Says, c.Do = wire.CheckAlarm, why, "see that there is room in "+r.cfg.Backup.Target+", and try one: icn-cli dag backup --path "+r.cfg.Backup.Target
			break
		}
		c.Says = "the first one is due soon"
		if s.Last != nil {
			c.Says = "the last one was made on " + s.Last.Format(time.DateTime)
		}
	}
	return c
}

func (r *Running) checkCertificate(ends *time.Time) (c wire.Check) {
	if ends == nil {
		return c
	}
	c = wire.Check{Name: "certificate", State: wire.CheckOK, Says: "the TLS certificate is good until " + ends.Format(time.DateOnly)}
	switch left := time.Until(*ends); {
	case left <= 0:
		c.State, c.Says = wire.CheckAlarm, "the TLS certificate ended on "+ends.Format(time.DateOnly)
	case left < certificateSoon:
		c.State, c.Says = wire.CheckAlarm, fmt.Sprintf("the TLS certificate ends in %d days", int(left.Hours()/24))
	}
	if c.State != wire.CheckOK {
		c.Do = "put a new one at " + r.cfg.Security.TLSCertPath + "; it is read without a restart"
	}
	return c
}

func (r *Running) checkAudit() (c wire.Check) {
	switch {
	case r.audit == nil && r.production():
		return wire.Check{Name: "audit", State: wire.CheckAdvice, Says: "nobody writes down who used this node for what", Do: "set audit.enabled = true"}
	case r.audit == nil:
		return c
	}
	if err := r.audit.Broken(); err != nil {
		return wire.Check{Name: "audit", State: wire.CheckAlarm, Says: "the audit log cannot be written: " + err.Error(), Do: "see to its disk and its permissions; then: icn-cli config reload"}
	}
	return wire.Check{Name: "audit", State: wire.CheckOK, Says: "it is written"}
}

// keyFile remembers what was found in the node's key file: to open a sealed one
// takes a while.
type keyFile struct {
	mu    sync.Mutex
	bytes []byte
	ours  bool
}

// holds says whether a key file that holds these bytes is that of the node's key.
func (f *keyFile) holds(x rotation, bytes []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bytes == nil || !slices.Equal(f.bytes, bytes) {
		pair, err := key.LoadSealed(x.path, x.pass)
		f.bytes, f.ours = bytes, err == nil && pair.Public() == x.pair.Public()
	}
	return f.ours
}

// checkPlace looks whether the node would find its key again.
func (r *Running) checkPlace(path string, bytes []byte) (c wire.Check, bad bool) {
	if r.outdated.Load() || r.keyFile.holds(r.rotation, bytes) {
		return c, false
	}
	c = wire.Check{Name: "key", State: wire.CheckAlarm, Says: "the key in " + path + " is not the one that this node works with",
		Do: "put the right one back from its copy; with this one it does not start again"}
	if _, err := os.Stat(key.Next(path)); err == nil && r.rotation.early {
		c.Says = "the key that counts since it was rotated is still in " + key.Next(path) + ", beside the old one in " + path
		c.Do = "put it in the place of the old one where these files come from (docs/kubernetes.md: Another key)"
	}
	return c, true
}

// checkKey looks at who can read the node's key, and whether it is that.
func (r *Running) checkKey() (c wire.Check) {
	path := r.cfg.Identity.KeyPath
	if path == "" || r.token != nil {
		return c // there is no file
	}
	c = wire.Check{Name: "key", State: wire.CheckOK, Says: "the key file is this user's alone"}
	f, err := os.Stat(path)
	if err != nil {
		c.State, c.Says, c.Do = wire.CheckAlarm, fmt.Sprintf("the key file is not there any more: %v", err), "put it back from its copy; without it this node does not start again"
		return c
	}
	bytes, readErr := os.ReadFile(path)
	if bad, is := r.checkPlace(path, bytes); readErr == nil && is {
		return bad
	}
	switch mode := f.Mode().Perm(); {
	case mode&0o007 != 0:
		c.State, c.Says, c.Do = wire.CheckAlarm, "everybody on this machine can read the key file", "chmod 600 "+path
		return c
	case mode&0o070 != 0:
		c.State, c.Says, c.Do = wire.CheckAdvice, "a group of this machine's users can read the key file", "chmod 600 "+path
		return c
	}
	if readErr == nil && !key.IsSealed(bytes) && r.production() {
		c.State, c.Says, c.Do = wire.CheckAdvice, "the key file is not sealed: whoever gets a copy of it is this node", "icn-cli keys seal "+path
	}
	return c
}

// checkAccess looks at how callers from elsewhere come in.
func (r *Running) checkAccess() wire.Check {
	c := wire.Check{Name: "access", State: wire.CheckOK, Says: "the API answers this machine only"}
	host, _, err := net.SplitHostPort(r.cfg.Network.HTTPListenAddr)
	if ip := net.ParseIP(host); err != nil || host == "localhost" || ip != nil && ip.IsLoopback() {
		return c
	}
	switch {
	case r.cfg.Security.Insecure && !r.cfg.Security.RequireAuth:
		c.State, c.Says, c.Do = wire.CheckAdvice, "everybody who reaches this address may use the node", "set security.api_key, and take security.insecure away"
	case r.certificate == nil:
		c.State, c.Says, c.Do = wire.CheckAdvice, "keys to the API travel unencrypted", "set security.tls_cert_path and tls_key_path, or put it behind a load balancer on this machine (docs/load-balancers.md)"
	default:
		c.Says = "the API wants a key, and speaks TLS"
	}
	return c
}

func checkLimits() wire.Check {
	c := wire.Check{Name: "files", State: wire.CheckOK}
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		c.Says = "how many files may be open is not known"
		return c
	}
	c.Says = fmt.Sprintf("%d files may be open", l.Cur)
	if l.Cur < fewFiles {
		c.State, c.Do = wire.CheckAdvice, "give the service more (LimitNOFILE=65536), or callers are turned away when there are many"
	}
	return c
}

// storeDir is where the store lies; empty when it is on no disk of this machine.
func (r *Running) storeDir() string {
	c := r.cfg.Storage
	switch c.Backend {
	case "memory", "postgresql":
		return ""
	case "sqlite":
		return filepath.Dir(c.Path)
	}
	return c.Path
}
