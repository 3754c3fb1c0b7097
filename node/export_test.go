package node

import "github.com/InterCooperative-Network/icn-core/icn"

// ClerksAt tells who the clerks were at an entry, as far as it is remembered.
func (l *Loop) ClerksAt(size uint64) []icn.DID { return l.clerksAt(size) }
