//go:build !linux

package launch

import "github.com/InterCooperative-Network/icn-core/api/wire"

// checkTime cannot ask this system's kernel.
func checkTime() wire.Check {
	return wire.Check{Name: "time", State: wire.CheckOK, Says: "whether a time service keeps this machine's clock is not known here"}
}
