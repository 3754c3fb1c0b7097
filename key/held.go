package key

// held is a secret that lies where it cannot be read: it signs there.
type held struct {
	public [32]byte
	sign   func(msg []byte) ([]byte, error)
	failed func(error)
}

// Held is a pair whose secret lies elsewhere, in hardware say. When sign fails the
// signature is one that nobody takes, and failed is told, so that whoever signs with
// the pair can end instead of going on mute.
func Held(public [32]byte, sign func(msg []byte) ([]byte, error), failed func(error)) Pair {
	return Pair{held: &held{public, sign, failed}}
}

// do signs, or tells that it cannot.
func (h *held) do(msg []byte) []byte {
	sig, err := h.sign(msg)
	if err != nil || len(sig) != 64 {
		h.failed(err)
		return make([]byte, 64)
	}
	return sig
}

// IsHeld says whether the secret lies elsewhere: then it cannot be saved.
func (p Pair) IsHeld() bool { return p.held != nil }
