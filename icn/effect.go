package icn

import "fmt"

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

// Spend takes capacity that is not held away for good.
type Spend struct {
	Account DID
	Amount  uint64
}

// Burn takes capacity that is held away for good.
type Burn struct {
	Account DID
	Amount  uint64
}

// Refund takes what From was paid wrongly for a job, as far as it has it, and gives
// it to To.
type Refund struct {
	Job      CID
	From, To DID
	Amount   uint64
}

// Grant makes capacity for an account, up to its cap.
type Grant struct {
	Account DID
	Amount  uint64
	Purpose string
	Thanks  CID // the proposal that is thanked for; undefined = a budget
}

// SetTier sets how fast, and how far, an account's capacity grows.
type SetTier struct {
	Account DID
	Tier    Tier
}

// Tier is the place of an account in the rules' scale, by its reputation.
type Tier uint8

// The tiers.
const (
	TierNormal Tier = 0
	TierLow    Tier = 1
	TierHigh   Tier = 2
)

// String is the tier's word.
func (t Tier) String() string {
	switch t {
	case TierLow:
		return "low"
	case TierHigh:
		return "high"
	}
	return "normal"
}

// MarshalText gives JSON the word.
func (t Tier) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads the word.
func (t *Tier) UnmarshalText(b []byte) error {
	switch string(b) {
	case "low":
		*t = TierLow
	case "high":
		*t = TierHigh
	case "normal":
		*t = TierNormal
	default:
		return fmt.Errorf("tier %q: %w: low, normal or high", clip(string(b)), ErrInvalid)
	}
	return nil
}

// Enact carries out what a proposal asked for.
type Enact struct {
	Proposal CID
	Motion   Motion
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
func (Spend) effect()       {}
func (Burn) effect()        {}
func (Refund) effect()      {}
func (Grant) effect()       {}
func (Enact) effect()       {}
func (SetTier) effect()     {}
func (SetTimer) effect()    {}
func (ClearTimer) effect()  {}
