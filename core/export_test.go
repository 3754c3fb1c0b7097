package core

// HeapOf is the number of deadlines that a machine has in memory.
func HeapOf(m *Machine) int { return m.timers.heap.Len() }

// EdgeOf is the number of tree hashes that a machine has in memory.
func EdgeOf(m *Machine) int { return len(m.log.edge) }
