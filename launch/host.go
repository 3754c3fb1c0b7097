package launch

import (
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/InterCooperative-Network/icn-core/api/wire"
	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/p2p"
)

// When the operator is told that something will run out.
const (
	littleSpace     = 2 << 30 // bytes left on the store's disk, and
	littleShare     = 10      // less than one part in so many of it
	nearlyNoSpace   = 256 << 20
	certificateSoon = 14 * 24 * time.Hour
)

// Surroundings tells what the node itself cannot know.
func (r *Running) Surroundings() wire.Surroundings {
	out := wire.Surroundings{Store: wire.StoreStatus{Backend: r.cfg.Storage.Backend}, Checks: map[string]string{}}
	r.lookAtDisk(&out)
	if r.certificate != nil {
		ends := r.certificate.expires()
		out.Certificate = &ends
		switch left := time.Until(ends); {
		case left <= 0:
			out.Checks["alarm certificate"] = "the TLS certificate ended on " + ends.Format(time.DateOnly)
		case left < certificateSoon:
			out.Checks["alarm certificate"] = fmt.Sprintf("the TLS certificate ends in %d days", int(left.Hours()/24))
		}
	}
	if r.audit != nil {
		if err := r.audit.Broken(); err != nil {
			out.Checks["alarm audit"] = "the audit log cannot be written: " + err.Error()
		}
	}
	if r.host != nil {
		lookAtDoor(r.host, &out)
	}
	if b := r.backups; b != nil {
		st := b.status()
		out.Backup = &st
		if why := b.alarm(st); why != "" {
			out.Checks["alarm backup"] = why
		}
	}
	return out
}

// lookAtDoor tells who is at the P2P door, and whether it can be found.
func lookAtDoor(h *p2p.Host, out *wire.Surroundings) {
	out.Door = &wire.DoorStatus{}
	out.Door.Strangers, out.Door.Refused = h.Strangers()
	switch h.Reach() {
	case p2p.Reachable:
		out.Door.Reach = "reachable"
	case p2p.Unreachable:
		out.Door.Reach = "unreachable"
		out.Checks["alarm reach"] = "other nodes cannot dial this one; open its P2P port, or let it be reached through a relay (network.enable_relay)"
	}
}

// lookAtDisk tells how much is left where the store is.
func (r *Running) lookAtDisk(out *wire.Surroundings) {
	c := r.cfg.Storage
	dir := c.Path
	switch c.Backend {
	case "memory", "postgresql":
		return
	case "sqlite":
		dir = filepath.Dir(dir)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		out.Checks["alarm disk"] = fmt.Sprintf("the disk of %s does not answer: %v", dir, err)
		return
	}
	free, all := fs.Bavail*uint64(fs.Bsize), fs.Blocks*uint64(fs.Bsize)
	out.Store.FreeBytes = &free
	switch {
	case free < nearlyNoSpace:
		out.Checks["disk"] = fmt.Sprintf("%d MiB are left on the disk of %s; new content is refused soon: free some space", free>>20, dir)
	case free < littleSpace && free < all/littleShare:
		out.Checks["alarm disk"] = fmt.Sprintf("%d MiB are left on the disk of %s", free>>20, dir)
	default:
		out.Checks["disk"] = "ok"
	}
}

// profile is what this machine offers to jobs.
func profile(c config.Config) *icn.NodeProfile {
	m := c.Mesh
	p := &icn.NodeProfile{Capabilities: m.ExecutorCapabilities, Federations: m.ExecutorFederations, Trust: m.ExecutorTrustScope,
		CPUCores: uint64(runtime.NumCPU()), MemoryMB: jobMemory(m)}
	var fs unix.Statfs_t
	if unix.Statfs(filepath.Dir(c.Storage.Path), &fs) == nil {
		// In whole gigabytes.
		const step = 1 << 10
		p.StorageMB = fs.Blocks * uint64(fs.Bsize) >> 20 / step * step
	}
	return p
}

// jobMemory is how many megabytes jobs may use together.
func jobMemory(m config.Mesh) uint64 {
	if m.JobMemoryMB > 0 {
		return uint64(m.JobMemoryMB)
	}
	all := memoryHere()
	if all == 0 {
		return 1024
	}
	return max(all>>21, 256)
}
