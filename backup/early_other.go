//go:build !linux

package backup

import "os"

func writeEarly(*os.File, int64, int64) {}
