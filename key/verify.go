package key

import "github.com/InterCooperative-Network/icn-core/key/signature"

// Item is one signature of a batch.
type Item = signature.Item

// Verify tells whether sig is key's signature over msg, under the network's one rule:
// see package signature.
func Verify(key [32]byte, msg, sig []byte) bool { return signature.Verify(key, msg, sig) }

// VerifyBatch checks many signatures under the same rule as Verify, on all cores,
// and tells for each whether it is good.
func VerifyBatch(items []Item) []bool { return signature.VerifyBatch(items) }
