package launch

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"text/tabwriter"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/p2p"
)

// What a release build sets with -ldflags -X, since it is made from an export of the
// source; other builds read it from what the go command noted.
var (
	Commit     string
	CommitDate string
)

// Build is what a program is: its release, what it was made from, and what it speaks.
type Build struct {
	Program    string    `json:"program"`
	Version    string    `json:"version"`
	Commit     string    `json:"commit,omitempty"`      // of the source; empty when it is not known
	CommitDate string    `json:"commit_date,omitempty"` // RFC 3339
	Changed    bool      `json:"changed"`               // the source was not exactly that commit
	Go         string    `json:"go"`
	OS         string    `json:"os"`
	Arch       string    `json:"arch"`
	Protocols  Protocols `json:"protocols"`
}

// Protocols are the numbers by which releases find out whether they understand each
// other.
type Protocols struct {
	PeersMin int    `json:"peers_min"` // the oldest protocol between nodes that it speaks
	Peers    int    `json:"peers"`     // and the newest
	Rules    int    `json:"rules"`     // how the log is read: the fold version of the genesis block
	API      string `json:"api"`
}

// BuildOf describes the program that runs, which is called by that name.
func BuildOf(program string) (Build, error) {
	oldest, newest, err := p2p.Spoken()
	if err != nil {
		return Build{}, err
	}
	b := Build{Program: program, Version: Release, Commit: Commit, CommitDate: CommitDate, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		Protocols: Protocols{PeersMin: oldest, Peers: newest, Rules: icn.FoldVersion, API: "v1"}}
	if info, ok := debug.ReadBuildInfo(); ok && b.Commit == "" {
		b.note(info.Settings)
	}
	return b, nil
}

// note takes over what the go command noted about the source.
func (b *Build) note(settings []debug.BuildSetting) {
	for _, s := range settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.CommitDate = s.Value
		case "vcs.modified":
			b.Changed = s.Value == "true"
		}
	}
}

// Write tells it, as text for people or as JSON.
func (b Build) Write(w io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(b)
	}
	commit := b.Commit
	switch {
	case commit == "":
		commit = "unknown: it was built without the history of its source"
	case b.Changed:
		commit += ", with changes"
	}
	peers := fmt.Sprint(b.Protocols.Peers)
	if b.Protocols.PeersMin != b.Protocols.Peers {
		peers = fmt.Sprintf("%d to %d", b.Protocols.PeersMin, b.Protocols.Peers)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(t, "%s\t%s\nCommit\t%s\n", b.Program, b.Version, commit) // the writer below tells what went wrong
	if b.CommitDate != "" {
		_, _ = fmt.Fprintf(t, "Of\t%s\n", b.CommitDate)
	}
	_, _ = fmt.Fprintf(t, "Go\t%s\nFor\t%s/%s\nProtocol\tbetween nodes %s, rules %d, API %s\n", b.Go, b.OS, b.Arch, peers, b.Protocols.Rules, b.Protocols.API)
	return t.Flush()
}
