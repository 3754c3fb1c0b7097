package wasm

// Watch is told what a program does, while it does it, for people who look on. Its
// functions are called by the program's own goroutine: they must be quick, and
// must not keep what they are given. None of them is required.
type Watch struct {
	Output func([]byte) // what it writes to stdout
	Log    func([]byte) // what it writes to stderr
	// Progress is how far it says that it is, in thousandths, and in words.
	Progress func(permille uint32, words string)
}

// pass hands on what was written.
func pass(to func([]byte), p []byte) {
	if to != nil && len(p) > 0 {
		to(p)
	}
}
