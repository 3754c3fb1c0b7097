// Package mana is the fold that keeps accounts of capacity: integer, capped,
// regenerating with log time, not transferable.
//
// The invariant it keeps, at every entry:
//
//	issued + regenerated + minted = balances + held + burnt + lost at the cap
//
// and no balance is below zero. Regeneration is lazy and exact: the remainder is
// kept, so looking often gains and loses nothing. Balance and what is held
// together stop growing at the cap: a full account regenerates nothing, and what
// is minted to it beyond the cap is lost.
//
// It does not know why capacity is held; another fold asks for it by an effect.
//
//	f := mana.New(db)
//	step := mana.Step{Time: now, Rules: rules}
//	event, err := f.Do(step, icn.OpenAccount{Account: did})
//	_, err = f.Do(step, icn.Hold{Account: did, Amount: 50})
//	account, ok := f.At(did, later, rules)
package mana

import (
	"fmt"
	"math/bits"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/state"
)

// Account is one member's capacity as of the time At.
type Account struct {
	Balance uint64
	Held    uint64
	At      icn.Time // regeneration is counted up to here
	Rem     uint64   // part of a unit regenerated, in units per hour × ms
	Tier    icn.Tier // by the owner's reputation
}

// Totals are the federation's sums, for the invariant and for treasurers.
type Totals struct {
	Issued      uint64 `json:"issued"`
	Regenerated uint64 `json:"regenerated"`
	Minted      uint64 `json:"minted"`
	Burnt       uint64 `json:"burnt"`
	Lost        uint64 `json:"lost_at_cap"`
	Balances    uint64 `json:"balances"`
	Held        uint64 `json:"held"`
}

// Balanced says whether the invariant holds.
func (t Totals) Balanced() bool {
	return t.Issued+t.Regenerated+t.Minted == t.Balances+t.Held+t.Burnt+t.Lost
}

// Fold is the state of the accounts.
type Fold struct {
	accounts *state.Table[icn.DID, Account]
	totals   *state.Table[state.One, Totals]
}

// New registers the fold's tables.
func New(db *state.DB) *Fold {
	return &Fold{
		accounts: state.NewTable(db, state.Spec[icn.DID, Account]{
			Name: "account", Key: state.DIDKey, Parse: state.ParseDIDKey, Append: appendAccount, Read: readAccount}),
		totals: state.NewTable(db, state.Spec[state.One, Totals]{
			Name: "mana-totals", Key: state.OneKey, Parse: state.ParseOneKey, Append: appendTotals, Read: readTotals}),
	}
}

const hourMillis = 3_600_000

// room is what the account can still take up to the cap.
func (a Account) room(r icn.Rules) uint64 {
	if full, most := a.Balance+a.Held, a.Cap(r); full < most {
		return most - full
	}
	return 0
}

// Cap is where the account stops growing.
func (a Account) Cap(r icn.Rules) uint64 { return a.scaled(r.ManaCap, r) }

// PerHour is how fast it grows.
func (a Account) PerHour(r icn.Rules) uint64 { return a.scaled(r.ManaPerHour, r) }

// scaled is a number of the rules, for the account's tier. The rules keep it far
// below 2^64.
func (a Account) scaled(n uint64, r icn.Rules) uint64 {
	switch a.Tier {
	case icn.TierLow:
		return n * r.TierLowPermille / 1000
	case icn.TierHigh:
		return n * r.TierHighPermille / 1000
	}
	return n
}

// grown is the account at time now, and what regenerated until then. A full
// account regenerates nothing, not even a part of a unit. The product is of 128
// bits: no span of time and no rate wraps.
func (a Account) grown(now icn.Time, r icn.Rules) (b Account, regenerated uint64) {
	if now <= a.At {
		return a, 0
	}
	hi, lo := bits.Mul64(uint64(now-a.At), a.PerHour(r))
	lo, carry := bits.Add64(lo, a.Rem, 0)
	hi += carry
	a.At = now
	room := a.room(r)
	if hi < hourMillis {
		units, rem := bits.Div64(hi, lo, hourMillis)
		if units < room {
			a.Balance, a.Rem = a.Balance+units, rem
			return a, units
		}
	}
	a.Balance, a.Rem = a.Balance+room, 0
	return a, room
}

// At returns the account as it stands at time now, without changing anything.
func (f *Fold) At(d icn.DID, now icn.Time, r icn.Rules) (Account, bool) {
	a, ok := f.accounts.Get(d)
	if !ok {
		return Account{}, false
	}
	a, _ = a.grown(now, r)
	return a, true
}

// Totals are the sums as of the last change of each account.
func (f *Fold) Totals() Totals {
	t, _ := f.totals.Get(state.One{})
	return t
}

// Each calls fn for every account, in the order of DIDs.
func (f *Fold) Each(fn func(icn.DID, Account) bool) { f.accounts.Each(fn) }

// Step is when something happens to accounts, and under which rules.
type Step struct {
	Time  icn.Time
	Rules icn.Rules
}

// Do carries out one effect, or says why not. Effects on other things than
// accounts are not its own.
func (f *Fold) Do(s Step, e icn.Effect) (icn.EventBody, error) {
	switch e := e.(type) {
	case icn.OpenAccount:
		return f.open(s, e)
	case icn.Hold:
		return nil, f.move(s, e.Account, func(a *Account, _ *Totals) error {
			if a.Balance < e.Amount {
				return fmt.Errorf("hold %d: %w: %s has %d", e.Amount, icn.ErrInsufficient, e.Account, a.Balance)
			}
			a.Balance, a.Held = a.Balance-e.Amount, a.Held+e.Amount
			return nil
		})
	case icn.Release:
		return nil, f.release(s, e.Account, e.Amount)
	case icn.Settle:
		return nil, f.settle(s, e)
	case icn.Spend:
		return nil, f.spend(s, e)
	case icn.Burn:
		return nil, f.burn(s, e)
	case icn.Refund:
		return f.refund(s, e)
	case icn.Grant:
		return f.grant(s, e)
	case icn.SetTier:
		err := f.move(s, e.Account, func(a *Account, _ *Totals) error {
			a.Tier = e.Tier
			return nil
		})
		return icn.TierChanged{Account: e.Account, Tier: e.Tier}, err
	}
	return nil, fmt.Errorf("effect %T: %w: not on accounts", e, icn.ErrInvalid)
}

// CatchUp lets every account regenerate up to now. Call it with the old rules
// before others come into force: a new rate is none for the time that has passed.
func (f *Fold) CatchUp(s Step) {
	f.accounts.Each(func(d icn.DID, _ Account) bool {
		if err := f.move(s, d, func(*Account, *Totals) error { return nil }); err != nil {
			panic(err) // the account is there, and nothing is asked of it
		}
		return true
	})
}

func (f *Fold) open(s Step, e icn.OpenAccount) (icn.EventBody, error) {
	if _, ok := f.accounts.Get(e.Account); ok {
		return nil, fmt.Errorf("open account: %w: %s has one", icn.ErrConflict, e.Account)
	}
	f.accounts.Put(e.Account, Account{Balance: s.Rules.ManaIssue, At: s.Time})
	t := f.Totals()
	t.Issued, t.Balances = t.Issued+s.Rules.ManaIssue, t.Balances+s.Rules.ManaIssue
	f.totals.Put(state.One{}, t)
	return icn.AccountOpened{Account: e.Account, Issued: s.Rules.ManaIssue}, nil
}

// move brings an account up to date, changes it, and keeps the sums.
func (f *Fold) move(s Step, d icn.DID, change func(*Account, *Totals) error) error {
	old, ok := f.accounts.Get(d)
	if !ok {
		return fmt.Errorf("account %s: %w", d, icn.ErrNotFound)
	}
	a, regenerated := old.grown(s.Time, s.Rules)
	t := f.Totals()
	t.Regenerated += regenerated
	if err := change(&a, &t); err != nil {
		return err
	}
	t.Balances = t.Balances - old.Balance + a.Balance
	t.Held = t.Held - old.Held + a.Held
	f.accounts.Put(d, a)
	f.totals.Put(state.One{}, t)
	return nil
}

func (f *Fold) release(s Step, d icn.DID, amount uint64) error {
	return f.move(s, d, func(a *Account, _ *Totals) error {
		if a.Held < amount {
			return fmt.Errorf("release %d: %w: %s holds %d", amount, icn.ErrConflict, d, a.Held)
		}
		a.Held, a.Balance = a.Held-amount, a.Balance+amount
		return nil
	})
}

func (f *Fold) settle(s Step, e icn.Settle) error {
	if e.Price > e.Held {
		return fmt.Errorf("settle: %w: price %d over the %d held", icn.ErrInvalid, e.Price, e.Held)
	}
	if _, ok := f.accounts.Get(e.To); !ok {
		return fmt.Errorf("settle: account %s: %w", e.To, icn.ErrNotFound)
	}
	err := f.move(s, e.From, func(a *Account, t *Totals) error {
		if a.Held < e.Held {
			return fmt.Errorf("settle: %w: %s holds %d, not %d", icn.ErrConflict, e.From, a.Held, e.Held)
		}
		a.Held -= e.Held
		a.Balance += e.Held - e.Price
		t.Burnt += e.Price
		return nil
	})
	if err != nil {
		return err
	}
	return f.give(s, e.To, e.Price)
}

func (f *Fold) spend(s Step, e icn.Spend) error {
	return f.move(s, e.Account, func(a *Account, t *Totals) error {
		if a.Balance < e.Amount {
			return fmt.Errorf("spend %d: %w: %s has %d", e.Amount, icn.ErrInsufficient, e.Account, a.Balance)
		}
		a.Balance -= e.Amount
		t.Burnt += e.Amount
		return nil
	})
}

func (f *Fold) burn(s Step, e icn.Burn) error {
	return f.move(s, e.Account, func(a *Account, t *Totals) error {
		if a.Held < e.Amount {
			return fmt.Errorf("burn %d: %w: %s holds %d", e.Amount, icn.ErrConflict, e.Account, a.Held)
		}
		a.Held -= e.Amount
		t.Burnt += e.Amount
		return nil
	})
}

// refund takes from one what it has of the amount, and gives the other as much.
func (f *Fold) refund(s Step, e icn.Refund) (icn.EventBody, error) {
	if _, ok := f.accounts.Get(e.To); !ok {
		return nil, fmt.Errorf("refund: account %s: %w", e.To, icn.ErrNotFound)
	}
	var got uint64
	err := f.move(s, e.From, func(a *Account, t *Totals) error {
		got = min(e.Amount, a.Balance)
		a.Balance -= got
		t.Burnt += got
		return nil
	})
	if err != nil {
		return nil, err
	}
	return icn.Refunded{Job: e.Job, From: e.From, To: e.To, Paid: e.Amount, Amount: got}, f.give(s, e.To, got)
}

// grant makes capacity for an account. What is over its cap is lost, as when it is
// paid for a job.
func (f *Fold) grant(s Step, e icn.Grant) (icn.EventBody, error) {
	if err := f.give(s, e.Account, e.Amount); err != nil {
		return nil, err
	}
	if e.Thanks.Defined() {
		return icn.ProposerThanked{Proposal: e.Thanks, Account: e.Account, Amount: e.Amount}, nil
	}
	return icn.BudgetGranted{Account: e.Account, Amount: e.Amount, Purpose: e.Purpose}, nil
}

// give mints to an account; what is over its cap is lost.
func (f *Fold) give(s Step, d icn.DID, amount uint64) error {
	return f.move(s, d, func(a *Account, t *Totals) error {
		gain := min(amount, a.room(s.Rules))
		a.Balance += gain
		t.Minted += amount
		t.Lost += amount - gain
		return nil
	})
}

func appendAccount(b []byte, a Account) []byte {
	b = icn.AppendUint(icn.AppendUint(icn.AppendArray(b, 5), a.Balance), a.Held)
	return icn.AppendUint(icn.AppendUint(icn.AppendTime(b, a.At), a.Rem), uint64(a.Tier))
}

func readAccount(r *icn.Reader) Account {
	r.Tuple(5)
	return Account{Balance: r.Uint(), Held: r.Uint(), At: r.Time(), Rem: r.Uint(), Tier: icn.Tier(r.Uint())}
}

func appendTotals(b []byte, t Totals) []byte {
	b = icn.AppendArray(b, 7)
	for _, n := range []uint64{t.Issued, t.Regenerated, t.Minted, t.Burnt, t.Lost, t.Balances, t.Held} {
		b = icn.AppendUint(b, n)
	}
	return b
}

func readTotals(r *icn.Reader) Totals {
	r.Tuple(7)
	return Totals{Issued: r.Uint(), Regenerated: r.Uint(), Minted: r.Uint(), Burnt: r.Uint(), Lost: r.Uint(), Balances: r.Uint(), Held: r.Uint()}
}
