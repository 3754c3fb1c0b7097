package node

import (
	"fmt"
	"strings"

	"golang.org/x/mod/semver"
)

// checkNotice alarms as long as this program is older than the release that a vote
// asks operators to install.
func (l *Loop) checkNotice() {
	want := l.m.Notice()
	if want == l.noticed {
		return
	}
	l.noticed = want
	if want == "" || !older(l.cfg.Release, want) {
		l.calm("upgrade")
		return
	}
	l.alarm("upgrade", fmt.Sprintf("the members have voted that nodes run release %s; this one is %s: install release %s, then start the node again", want, l.cfg.Release, want))
}

// older says whether a release comes before another. Names that are no versions are
// older than all others but themselves.
func older(is, want string) bool {
	a, b := "v"+strings.TrimPrefix(is, "v"), "v"+strings.TrimPrefix(want, "v")
	if !semver.IsValid(a) || !semver.IsValid(b) {
		return a != b
	}
	return semver.Compare(a, b) < 0
}
