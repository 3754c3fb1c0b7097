package wire

import (
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// Rotated says which key a node signs with.
type Rotated struct {
	DID   icn.DID `json:"did" doc:"The node's, which stays."`
	Was   icn.DID `json:"was" doc:"The key that was replaced, in the form of a DID."`
	Key   icn.DID `json:"key" doc:"The new one."`
	State string  `json:"state" doc:"applied, or waiting: then the change happens as soon as it is ordered."`
	Index uint64  `json:"index,omitempty" doc:"The entry that ordered it."`
	File  string  `json:"file,omitempty" doc:"Where the node reads the new key, when it cannot put it in the place of the old one by itself."`
}

// Reloaded says what reading the configuration again led to.
type Reloaded struct {
	Changed []string `json:"changed" doc:"Settings that count from now on."`
	Restart []string `json:"restart" doc:"Settings that have changed in the file, and count from the next start on."`
}

// Surroundings are what is around a node: its store, its backups, its certificate.
type Surroundings struct {
	Store       StoreStatus   `json:"store"`
	Backup      *BackupStatus `json:"backup,omitempty" doc:"Of backups on a schedule."`
	Certificate *time.Time    `json:"certificate_expires,omitempty" doc:"When the API's TLS certificate ends."`
	Door        *DoorStatus   `json:"door,omitempty" doc:"Who is at the P2P door."`
	Checks      []Check       `json:"-"` // what of it was looked at
}

// DoorStatus is about nodes that are not of the federation.
type DoorStatus struct {
	Strangers int    `json:"strangers" doc:"Connections of such nodes."`
	Refused   uint64 `json:"refused" doc:"How many of them were refused since the start: one address had its share, or there was no place left."`
	Reach     string `json:"reach,omitempty" enum:"reachable,unreachable" doc:"Whether other nodes can dial this one, once they have tried (network.enable_autonat)."`
}

// Insides are what helps whoever looks for a fault. No secret is in them.
type Insides struct {
	Settings   map[string]any `json:"settings" doc:"Every setting as it counts; secrets are masked."`
	Log        []string       `json:"log" doc:"The last lines that were logged."`
	Build      string         `json:"build" doc:"What the program was built from."`
	Goroutines string         `json:"goroutines" doc:"What every part of the program is doing."`
}

// StoreStatus is where everything is kept.
type StoreStatus struct {
	Backend   string  `json:"backend"`
	FreeBytes *uint64 `json:"free_bytes,omitempty" doc:"Left on the disk of the store."`
	DiskBytes *uint64 `json:"-"` // of the whole disk
	UsedBytes *uint64 `json:"-"` // that the store's files take
}

// BackupStatus tells about backups on a schedule.
type BackupStatus struct {
	Last    *time.Time `json:"last,omitempty" doc:"When the last whole one was made."`
	Age     int64      `json:"age_seconds,omitempty"`
	Name    string     `json:"name,omitempty"`
	Problem string     `json:"problem,omitempty" doc:"Why the last attempt failed."`

	Every    time.Duration `json:"-"` // between two of them
	Failures uint64        `json:"-"` // since the node started
	Took     time.Duration `json:"-"` // the last whole one since then; 0: none
	Bytes    int64         `json:"-"` // of that one
}
