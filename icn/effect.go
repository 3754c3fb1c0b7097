package icn

// Effect is what a fold asks of another fold, as a plain value. The effects of
// one statement are carried out all or none.
type Effect interface{ effect() }

// OpenAccount gives a new member or node its first capacity.
type OpenAccount struct{ Account DID }

// Hold sets part of an account's balance aside.
type Hold struct {
	Account DID
	Amount  uint64
}

// Release gives held capacity back.
type Release struct {
	Account DID
	Amount  uint64
}

// Settle burns Price out of what From has held, mints it to To, and releases
// the rest of Held, in one step.
type Settle struct {
	From, To    DID
	Held, Price uint64
}

// SetTimer makes log time call the fold named by Name's first part at Due. A
// timer of the same name is replaced.
type SetTimer struct {
	Name string
	Due  Time
}

// ClearTimer forgets a timer; an unknown name is no error.
type ClearTimer struct{ Name string }

func (OpenAccount) effect() {}
func (Hold) effect()        {}
func (Release) effect()     {}
func (Settle) effect()      {}
func (SetTimer) effect()    {}
func (ClearTimer) effect()  {}
