package launch

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// forgetProgram unmaps the pages of the program's file, until they are needed. Pages
// that were changed since they were mapped are no longer the file's, though nobody may
// write them now (what a dynamic linker filled in, say): such a stretch stays.
func forgetProgram() {
	self, err := os.Executable()
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer maps.Close()
	var from, to uint64
	for s := bufio.NewScanner(maps); s.Scan(); {
		f := strings.Fields(s.Text())
		switch {
		case len(f) >= 5 && strings.Contains(f[0], "-"): // from-to, rights, offset, device, inode, path
			from, to = 0, 0
			if len(f) == 6 && f[5] == self && f[1][1] != 'w' {
				from, to = span(f[0])
			}
		case len(f) == 3 && f[0] == "Anonymous:" && f[1] == "0" && to > from:
			// Refused, they stay: it is only advice.
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(from), uintptr(to-from), syscall.MADV_DONTNEED)
		}
	}
}

func span(s string) (from, to uint64) {
	a, b, _ := strings.Cut(s, "-")
	from, err1 := strconv.ParseUint(a, 16, 64)
	to, err2 := strconv.ParseUint(b, 16, 64)
	if err1 != nil || err2 != nil {
		return 0, 0
	}
	return from, to
}
