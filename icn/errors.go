package icn

import "errors"

// The sentinels. Every error of this project wraps at most one of them; the
// API maps them to HTTP statuses and the CLI to exit codes, in one table each.
var (
	// ErrNotFound: the thing asked for is not here.
	ErrNotFound = errors.New("not found")
	// ErrInvalid: the request or the bytes can never be right.
	ErrInvalid = errors.New("invalid")
	// ErrDenied: well formed, but this author may not do this.
	ErrDenied = errors.New("denied")
	// ErrConflict: right in itself, but the state has moved on.
	ErrConflict = errors.New("conflict")
	// ErrInsufficient: the account's capacity does not cover it.
	ErrInsufficient = errors.New("insufficient")
	// ErrUnavailable: not now; trying again later can work.
	ErrUnavailable = errors.New("unavailable")
	// ErrCorrupt: stored or received bytes are not what their hash says.
	ErrCorrupt = errors.New("corrupt")
)
