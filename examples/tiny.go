package examples

// Tiny is a WASI program of a few hundred bytes: it copies standard input to
// standard output in upper case (ASCII letters). It is assembled here by hand,
// as the plainest picture of what a program for the mesh is.
//
//	(func $_start (local $n i32) (local $i i32)
//	  (loop $next
//	    ;; fd_read(0, iov at 0, one, result at 8); iov = {64, 65536}
//	    ;; n = the number read; leave when it is 0
//	    ;; for i in n: if 'a' <= b[i] <= 'z': b[i] -= 32
//	    ;; fd_write(1, iov at 16, one, result at 8); iov = {64, n}
//	    (br $next)))
func Tiny() []byte {
	leb := func(n int) []byte {
		var b []byte
		for ; n >= 0x80; n >>= 7 {
			b = append(b, byte(n)|0x80)
		}
		return append(b, byte(n))
	}
	cat := func(parts ...[]byte) (b []byte) {
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	sec := func(id byte, body []byte) []byte { return cat([]byte{id}, leb(len(body)), body) }
	str := func(s string) []byte { return cat(leb(len(s)), []byte(s)) }
	konst := func(n int) []byte { // i32.const; n < 64, or encoded with room for the sign
		b := []byte{0x41}
		for {
			c := byte(n & 0x7f)
			n >>= 7
			if n == 0 && c&0x40 == 0 {
				return append(b, c)
			}
			b = append(b, c|0x80)
		}
	}
	store := func(at, value []byte) []byte { return cat(at, value, []byte{0x36, 2, 0}) }
	const n, i = 0, 1 // locals
	const buffer = 64
	get := func(l byte) []byte { return []byte{0x20, l} }
	at := cat(konst(buffer), get(i), []byte{0x6a}) // address of b[i]
	body := cat(
		[]byte{1, 2, 0x7f}, // two i32 locals
		[]byte{0x03, 0x40}, // loop $next
		store(konst(0), konst(buffer)), store(konst(4), konst(65536)),
		konst(0), konst(0), konst(1), konst(8), []byte{0x10, 0, 0x1a}, // fd_read, drop
		konst(8), []byte{0x28, 2, 0, 0x22, n, 0x45, 0x04, 0x40, 0x0f, 0x0b}, // n = load; if 0, return
		konst(0), []byte{0x21, i},
		[]byte{0x03, 0x40},                                                        // loop over the letters
		at, []byte{0x2d, 0, 0}, konst('a'), []byte{0x6b}, konst(26), []byte{0x49}, // b[i]-'a' < 26, unsigned
		[]byte{0x04, 0x40}, at, at, []byte{0x2d, 0, 0}, konst(32), []byte{0x6b, 0x3a, 0, 0, 0x0b},
		get(i), konst(1), []byte{0x6a, 0x22, i}, get(n), []byte{0x49, 0x0d, 0, 0x0b}, // again while ++i < n
		store(konst(16), konst(buffer)), store(konst(20), get(n)),
		konst(1), konst(16), konst(1), konst(8), []byte{0x10, 1, 0x1a}, // fd_write, drop
		[]byte{0x0c, 0, 0x0b, 0x0b}, // br $next; end; end
	)
	wasi := str("wasi_snapshot_preview1")
	return cat(
		[]byte("\x00asm\x01\x00\x00\x00"),
		sec(1, []byte{2, 0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f, 0x60, 0, 0}),
		sec(2, cat([]byte{2}, wasi, str("fd_read"), []byte{0, 0}, wasi, str("fd_write"), []byte{0, 0})),
		sec(3, []byte{1, 1}),
		sec(5, []byte{1, 0, 2}), // two pages of memory
		sec(7, cat([]byte{2}, str("memory"), []byte{2, 0}, str("_start"), []byte{0, 2})),
		sec(10, cat([]byte{1}, leb(len(body)), body)),
	)
}
