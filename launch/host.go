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
	out := wire.Surroundings{Store: wire.StoreStatus{Backend: r.cfg.Storage.Backend}}
	r.lookAtDisk(&out)
	if r.certificate != nil {
		ends := r.certificate.expires()
		out.Certificate = &ends
	}
	if r.host != nil {
		lookAtDoor(r.host, &out)
	}
	if b := r.backups; b != nil {
		st := b.status()
		out.Backup = &st
	}
	out.Checks = append(out.Checks, r.lookAround(out)...)
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
		out.Checks = append(out.Checks, wire.Check{Name: "reach", State: wire.CheckAlarm, Says: "other nodes cannot dial this one",
			Do: "open its P2P port, or let it be reached through a relay (network.enable_relay)"})
	}
}

// lookAtDisk tells how much is left where the store is.
func (r *Running) lookAtDisk(out *wire.Surroundings) {
	dir := r.storeDir()
	if dir == "" {
		return
	}
	disk := wire.Check{Name: "disk", State: wire.CheckOK}
	defer func() { out.Checks = append(out.Checks, disk) }()
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		disk.State, disk.Says, disk.Do = wire.CheckAlarm, fmt.Sprintf("the disk of %s does not answer: %v", dir, err), "see whether it is mounted (findmnt), and what the kernel says (dmesg)"
		return
	}
	free, all := fs.Bavail*uint64(fs.Bsize), fs.Blocks*uint64(fs.Bsize)
	used := r.used.of(r.cfg.Storage.Path)
	out.Store.FreeBytes, out.Store.DiskBytes, out.Store.UsedBytes = &free, &all, &used
	disk.Says = fmt.Sprintf("%d MiB are left on the disk of %s", free>>20, dir)
	switch {
	case free < nearlyNoSpace:
		disk.State, disk.Says = wire.CheckFailed, disk.Says+"; new content is refused soon"
	case free < littleSpace && free < all/littleShare:
		disk.State = wire.CheckAlarm
	}
	if disk.State != wire.CheckOK {
		disk.Do = "free some space, or: icn-cli dag prune"
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
