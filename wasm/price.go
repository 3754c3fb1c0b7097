package wasm

// What things cost, in gas. An ordinary instruction costs 1. The prices are part
// of [ABI]: a change makes receipts of before and after differ.
const (
	costCall     = 5
	costIndirect = 10
	costHost     = 200  // on top, for leaving the sandbox
	costGrow     = 1000 // to ask for memory or table elements, also when refused
	costPage     = 8192 // each page that memory has grown by
	bytesPerGas  = 8    // of memory filled, copied or initialised; also table elements
	costHostByte = 1    // each byte read, written or drawn at random
)

// hostCost is what a host function charges for each unit of one of its arguments,
// because it loops over that many. Bytes that pass are charged as they do.
type hostCost struct {
	arg  uint32
	each int64
}

// hostCosts of WASI functions. All others do a bounded piece of work.
var hostCosts = map[string]hostCost{
	"fd_read": {2, 16}, "fd_pread": {2, 16}, "fd_write": {2, 16}, "fd_pwrite": {2, 16},
	"sock_recv": {2, 16}, "sock_send": {2, 16}, "poll_oneoff": {2, 32},
	"fd_readdir": {2, 1}, "fd_prestat_dir_name": {2, 1},
	"path_create_directory": {2, 1}, "path_filestat_get": {3, 1}, "path_filestat_set_times": {3, 1},
	"path_link": {3, 1}, "path_open": {3, 1}, "path_readlink": {2, 1}, "path_remove_directory": {2, 1},
	"path_rename": {2, 1}, "path_symlink": {1, 1}, "path_unlink_file": {2, 1},
}

// frameCode is how much code of a function adds one to what a call of it takes
// from the call depth. The compiler keeps each value of a function in its own
// place on the stack, so that code bounds the frame: with this weight the deepest
// nesting fits the engine's stack, and the stack's size never shows.
const frameCode = 2048

// weight is what a call of a function takes from the call depth.
func weight(f funcType, body int) int32 {
	return 1 + int32((body+8*(len(f.params)+len(f.results)))/frameCode)
}
