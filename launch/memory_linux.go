package launch

import "golang.org/x/sys/unix"

// memoryHere is this machine's memory in bytes; 0 when it is not known.
func memoryHere() uint64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return uint64(info.Totalram) * uint64(info.Unit)
}
