package launch

import (
	"golang.org/x/sys/unix"

	"github.com/InterCooperative-Network/icn-core/api/wire"
)

// checkTime asks the kernel whether a time service keeps this machine's clock.
func checkTime() wire.Check {
	c := wire.Check{Name: "time", State: wire.CheckOK, Says: "a time service keeps this machine's clock"}
	const unsynchronised = 0x40 // STA_UNSYNC
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err == nil && t.Status&unsynchronised != 0 {
		c.State, c.Says, c.Do = wire.CheckAdvice, "no time service keeps this machine's clock", "timedatectl set-ntp true"
	}
	return c
}
