//go:build wasip1

package guest

import (
	"errors"
	"fmt"
	"unsafe"
)

// What a call says when it does not do what it was asked.
var (
	ErrInvalid = errors.New("the host cannot read what it was given")
	ErrDenied  = errors.New("the job does not grant this")
	ErrMissing = errors.New("there is no such thing")
	ErrTooMuch = errors.New("it is over a limit, or over what is granted")
)

func check(code int64) error {
	switch code {
	case -1:
		return ErrInvalid
	case -2:
		return ErrDenied
	case -3:
		return ErrMissing
	case -4:
		return ErrTooMuch
	}
	if code < 0 {
		return fmt.Errorf("the host answers %d", code)
	}
	return nil
}

//go:wasmimport icn host_get_caller
func hostCaller(p unsafe.Pointer, n uint32) int32

//go:wasmimport icn host_job_id
func hostJob(p unsafe.Pointer, n uint32) int32

//go:wasmimport icn host_get_current_time
func hostTime() int64

//go:wasmimport icn host_account_get_mana
func hostMana(p unsafe.Pointer, n uint32) int64

//go:wasmimport icn host_get_reputation
func hostReputation(p unsafe.Pointer, n uint32) int64

//go:wasmimport icn host_submit_mesh_job
func hostSubmit(p unsafe.Pointer, n uint32) int32

//go:wasmimport icn host_account_spend_mana
func hostSpend(p unsafe.Pointer, n uint32, amount int64) int32

//go:wasmimport icn host_dag_put
func hostPut(p unsafe.Pointer, n uint32, out unsafe.Pointer, most uint32) int32

//go:wasmimport icn host_dag_get
func hostGet(p unsafe.Pointer, n uint32, out unsafe.Pointer, most uint32) int32

//go:wasmimport icn host_verify_did_signature
func hostVerify(did unsafe.Pointer, dn uint32, msg unsafe.Pointer, mn uint32, sig unsafe.Pointer, sn uint32) int32

//go:wasmimport icn host_output
func hostOutput(name unsafe.Pointer, nn uint32, p unsafe.Pointer, n uint32) int32

//go:wasmimport icn host_progress
func hostProgress(permille uint32, p unsafe.Pointer, n uint32)

//go:wasmimport icn host_log
func hostLog(p unsafe.Pointer, n uint32)

//go:wasmimport icn host_checkpoint_save
func hostSave(p unsafe.Pointer, n uint32) int32

//go:wasmimport icn host_checkpoint_load
func hostLoad(p unsafe.Pointer, n uint32) int32

func in[T ~string | ~[]byte](b T) (unsafe.Pointer, uint32) {
	v := []byte(b)
	return unsafe.Pointer(unsafe.SliceData(v)), uint32(len(v))
}

// text reads what a call leaves in a buffer, as long as it turns out to be.
func text(call func(unsafe.Pointer, uint32) int32) ([]byte, error) {
	b := make([]byte, 256)
	for {
		n := call(unsafe.Pointer(unsafe.SliceData(b)), uint32(len(b)))
		if err := check(int64(n)); err != nil {
			return nil, err
		}
		if int(n) <= len(b) {
			return b[:n], nil
		}
		b = make([]byte, n)
	}
}

// Caller is the DID of whoever submitted the job.
func Caller() (string, error) {
	b, err := text(hostCaller)
	return string(b), err
}

// Job is the job's id.
func Job() (string, error) {
	b, err := text(hostJob)
	return string(b), err
}

// Now is the job's time, in milliseconds since 1970: it stands still.
func Now() int64 { return hostTime() }

// Balance is an account's capacity at the moment when the job got its executor; the
// submitter's, if did is empty. It needs the grant to read.
func Balance(did string) (uint64, error) {
	n := hostMana(in(did))
	return uint64(max(n, 0)), check(n)
}

// Reputation is somebody's, of 100, at the moment when the job got its executor; the
// submitter's, if did is empty. It needs the grant to read.
func Reputation(did string) (uint64, error) {
	n := hostReputation(in(did))
	return uint64(max(n, 0)), check(n)
}

// Submit posts a job in the submitter's name, as the JSON of POST /mesh/submit. It
// needs the grant to submit, of which its budget is taken.
func Submit(job string) error { return check(int64(hostSubmit(in(job)))) }

// Spend burns capacity of the submitter's. It needs the grant to spend.
func Spend(amount uint64) error {
	return check(int64(hostSpend(nil, 0, int64(amount))))
}

// Put stores a block, and returns its CID. It needs the grant to store.
func Put(data []byte) (string, error) {
	p, n := in(data)
	b, err := text(func(out unsafe.Pointer, most uint32) int32 { return hostPut(p, n, out, most) })
	return string(b), err
}

// Get reads a block. It needs the grant to read. If this executor cannot find the
// block, the run ends, and another executor gets the job.
func Get(cid string) ([]byte, error) {
	p, n := in(cid)
	return text(func(out unsafe.Pointer, most uint32) int32 { return hostGet(p, n, out, most) })
}

// Verify says whether the key of a DID signed these bytes.
func Verify(did string, msg, sig []byte) (bool, error) {
	d, dn := in(did)
	m, mn := in(msg)
	s, sn := in(sig)
	n := hostVerify(d, dn, m, mn, s, sn)
	return n == 1, check(int64(n))
}

// Output leaves data under a name that the job asks for.
func Output(name string, data []byte) error {
	a, an := in(name)
	p, n := in(data)
	return check(int64(hostOutput(a, an, p, n)))
}

// Progress tells how far the program is, in thousandths, and what it does.
func Progress(permille int, stage string) {
	p, n := in(stage)
	hostProgress(uint32(max(permille, 0)), p, n)
}

// Log writes a line to the job's log.
func Log(line string) { hostLog(in(line)) }

// Save leaves a checkpoint, from which another executor, or another job, can go on.
func Save(state []byte) error { return check(int64(hostSave(in(state)))) }

// Load is the checkpoint that this run begins from.
func Load() (state []byte, ok bool) {
	b, err := text(hostLoad)
	return b, err == nil && len(b) > 0
}
