package icn

// KeyRotate puts another key in the place of the author's: from the next entry on
// its statements are signed with that. The statement is signed with the old key,
// and the new one signs that it agrees: nobody can take over a key that is not
// theirs.
type KeyRotate struct {
	Key   DID      // the new public key, in the form of a DID
	Proof [64]byte // its signature over RotationBytes
}

// RotationBytes are what a new key signs: whose it becomes, and where.
func RotationBytes(network CID, author, key DID) []byte {
	b := append([]byte("icn/key.rotate/v1\x00"), author[:]...)
	return AppendCID(append(b, key[:]...), network)
}

// AuditHead puts the head of the author's audit log into the federation's, where
// it can be compared with for ever.
type AuditHead struct {
	Lines uint64   // of the audit log
	Head  [32]byte // hash of the last one
}

func readKeyRotate(r *Reader) Op {
	o := KeyRotate{Key: r.DID()}
	proof := r.Bytes(64)
	if r.err == nil && len(proof) != 64 {
		r.Fail("proof of %d bytes", len(proof))
	}
	copy(o.Proof[:], proof)
	return o
}

// Kind implements Op.
func (KeyRotate) Kind() string { return "key.rotate" }

// Kind implements Op.
func (AuditHead) Kind() string { return "audit.head" }

func (KeyRotate) fields() int { return 2 }
func (AuditHead) fields() int { return 2 }

func (o KeyRotate) appendFields(b []byte) []byte {
	return AppendBytes(AppendDID(b, o.Key), o.Proof[:])
}

func (o AuditHead) appendFields(b []byte) []byte {
	return AppendBytes(AppendUint(b, o.Lines), o.Head[:])
}
