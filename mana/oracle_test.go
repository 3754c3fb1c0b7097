package mana_test

import (
	"errors"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mana"
	"github.com/InterCooperative-Network/icn-core/state"
)

const hour = 3_600_000

func newFold() (*mana.Fold, *state.DB) {
	db := state.NewDB()
	return mana.New(db), db
}

func rulesOf(issue, limit, perHour uint64) icn.Rules {
	r := icn.DefaultRules()
	r.ManaIssue, r.ManaCap, r.ManaPerHour = issue, limit, perHour
	return r
}

// book is an account in exact arithmetic: how much it has and how much of it is
// held, as rational numbers.
type book struct {
	full *big.Rat // balance, held, and the part of a unit
	held *big.Rat
	at   icn.Time
}

func rat(n uint64) *big.Rat { return new(big.Rat).SetInt(new(big.Int).SetUint64(n)) }

func floor(x *big.Rat) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Quo(x.Num(), x.Denom()))
}

// grow lets the account regenerate up to now and returns the whole units of it.
func (b *book) grow(now icn.Time, r icn.Rules) *big.Rat {
	if now <= b.at {
		return new(big.Rat)
	}
	was := floor(b.full)
	more := new(big.Rat).Mul(rat(uint64(now-b.at)), rat(r.ManaPerHour))
	more.Quo(more, rat(hour))
	b.at = now
	b.full.Add(b.full, more)
	if b.full.Cmp(rat(r.ManaCap)) > 0 {
		b.full.Set(rat(r.ManaCap))
	}
	return new(big.Rat).Sub(floor(b.full), was)
}

// mint adds a price as far as there is room, and returns what was lost.
func (b *book) mint(price uint64, r icn.Rules) *big.Rat {
	room := new(big.Rat).Sub(rat(r.ManaCap), floor(b.full))
	gain := rat(price)
	if gain.Cmp(room) > 0 {
		gain = room
	}
	b.full.Add(b.full, gain)
	return new(big.Rat).Sub(rat(price), gain)
}

// books are all accounts and sums in exact arithmetic.
type books struct {
	accounts                                 map[icn.DID]*book
	issued, regenerated, minted, burnt, lost *big.Rat
}

func newBooks() *books {
	return &books{map[icn.DID]*book{}, new(big.Rat), new(big.Rat), new(big.Rat), new(big.Rat), new(big.Rat)}
}

// do carries out an effect; it says false when the effect must be refused.
func (x *books) do(now icn.Time, r icn.Rules, e icn.Effect) bool {
	switch e := e.(type) {
	case icn.OpenAccount:
		if x.accounts[e.Account] != nil {
			return false
		}
		x.accounts[e.Account] = &book{rat(r.ManaIssue), new(big.Rat), now}
		x.issued.Add(x.issued, rat(r.ManaIssue))
		return true
	case icn.Hold:
		return x.change(now, r, e.Account, func(b *book) bool {
			if free := new(big.Rat).Sub(floor(b.full), b.held); free.Cmp(rat(e.Amount)) < 0 {
				return false
			}
			b.held.Add(b.held, rat(e.Amount))
			return true
		})
	case icn.Spend:
		return x.change(now, r, e.Account, func(b *book) bool {
			if free := new(big.Rat).Sub(floor(b.full), b.held); free.Cmp(rat(e.Amount)) < 0 {
				return false
			}
			b.full.Sub(b.full, rat(e.Amount))
			x.burnt.Add(x.burnt, rat(e.Amount))
			return true
		})
	case icn.Release:
		return x.change(now, r, e.Account, func(b *book) bool {
			b.held.Sub(b.held, rat(e.Amount))
			return b.held.Sign() >= 0
		})
	case icn.Settle:
		if e.Price > e.Held || x.accounts[e.To] == nil {
			return false
		}
		return x.change(now, r, e.From, func(b *book) bool {
			b.held.Sub(b.held, rat(e.Held))
			b.full.Sub(b.full, rat(e.Price))
			return b.held.Sign() >= 0
		}) && x.change(now, r, e.To, func(b *book) bool {
			x.burnt.Add(x.burnt, rat(e.Price))
			x.minted.Add(x.minted, rat(e.Price))
			x.lost.Add(x.lost, b.mint(e.Price, r))
			return true
		})
	}
	return false
}

// change does something to a grown copy of an account, and keeps it if that went
// well.
func (x *books) change(now icn.Time, r icn.Rules, d icn.DID, f func(*book) bool) bool {
	old := x.accounts[d]
	if old == nil {
		return false
	}
	b := &book{new(big.Rat).Set(old.full), new(big.Rat).Set(old.held), old.at}
	regenerated := b.grow(now, r)
	if !f(b) {
		return false
	}
	x.accounts[d] = b
	x.regenerated.Add(x.regenerated, regenerated)
	return true
}

func (x *books) compare(t require.TestingT, f *mana.Fold) {
	seen := 0
	balances, held := new(big.Rat), new(big.Rat)
	f.Each(func(d icn.DID, a mana.Account) bool {
		seen++
		b := x.accounts[d]
		require.NotNil(t, b)
		whole := floor(b.full)
		require.Equal(t, new(big.Rat).Sub(whole, b.held).RatString(), rat(a.Balance).RatString(), "balance")
		require.Equal(t, b.held.RatString(), rat(a.Held).RatString(), "held")
		part := new(big.Rat).Sub(b.full, whole)
		require.Equal(t, part.Mul(part, rat(hour)).RatString(), rat(a.Rem).RatString(), "part of a unit")
		require.Equal(t, b.at, a.At)
		balances.Add(balances, rat(a.Balance))
		held.Add(held, rat(a.Held))
		return true
	})
	require.Equal(t, len(x.accounts), seen)
	sums := f.Totals()
	require.True(t, sums.Balanced(), "%+v", sums)
	for name, want := range map[string][2]any{ // order: each stands alone
		"issued": {x.issued.RatString(), rat(sums.Issued).RatString()}, "regenerated": {x.regenerated.RatString(), rat(sums.Regenerated).RatString()},
		"minted": {x.minted.RatString(), rat(sums.Minted).RatString()}, "burnt": {x.burnt.RatString(), rat(sums.Burnt).RatString()},
		"lost": {x.lost.RatString(), rat(sums.Lost).RatString()}, "balances": {balances.RatString(), rat(sums.Balances).RatString()},
		"held": {held.RatString(), rat(sums.Held).RatString()},
	} {
		require.Equal(t, want[0], want[1], name)
	}
}

// What rules and moments may be, with the edges among them.
var (
	rules = rapid.Custom(func(t *rapid.T) icn.Rules {
		limit := rapid.SampledFrom([]uint64{1, 2, 1000, 10_000, 1 << 40}).Draw(t, "cap")
		perHour := rapid.SampledFrom([]uint64{0, 1, 7, 10, 1000, hour - 1, hour, hour + 1, 1 << 30}).Draw(t, "per hour")
		return rulesOf(min(limit, rapid.SampledFrom([]uint64{0, 1, 1000}).Draw(t, "issue")), limit, perHour)
	})
	spans = rapid.SampledFrom([]icn.Time{0, 0, 1, 2, 999, hour/10 - 1, hour / 10, hour - 1, hour, hour + 1, 24 * hour, 50 * 365 * 24 * hour})
	dids  = rapid.Map(rapid.ByteRange(0, 3), func(b byte) icn.DID { return icn.DID{b} })
)

func amounts(f *mana.Fold, now icn.Time, r icn.Rules, d icn.DID) *rapid.Generator[uint64] {
	a, _ := f.At(d, now, r)
	return rapid.SampledFrom([]uint64{0, 1, a.Balance / 2, a.Balance, a.Balance + 1, a.Held / 2, a.Held, a.Held + 1, 1 << 63, 1<<64 - 1})
}

func TestAccountsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rules.Draw(t, "rules")
		f, _ := newFold()
		x := newBooks()
		now := icn.Time(0)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now += spans.Draw(t, "later")
			d := dids.Draw(t, "account")
			amount := amounts(f, now, r, d)
			var e icn.Effect
			switch rapid.IntRange(0, 5).Draw(t, "effect") {
			case 0, 1:
				e = icn.Hold{Account: d, Amount: amount.Draw(t, "amount")}
			case 2:
				e = icn.Release{Account: d, Amount: amount.Draw(t, "amount")}
			case 3:
				e = icn.Settle{From: d, To: dids.Draw(t, "to"), Held: amount.Draw(t, "held"), Price: amount.Draw(t, "price")}
			case 4:
				e = icn.Spend{Account: d, Amount: amount.Draw(t, "amount")}
			default:
				e = icn.OpenAccount{Account: d}
			}
			_, err := f.Do(mana.Step{Time: now, Rules: r}, e)
			if ok := x.do(now, r, e); ok != (err == nil) {
				t.Fatalf("%#v at %d: %v, the books say %v", e, now, err, ok)
			}
			x.compare(t, f)
		}
	})
}

func TestLookingOftenChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rules.Draw(t, "rules")
		seldom, seldomDB := newFold()
		often, oftenDB := newFold()
		do := func(f *mana.Fold, now icn.Time, e icn.Effect) error {
			_, err := f.Do(mana.Step{Time: now, Rules: r}, e)
			return err
		}
		now := icn.Time(0)
		for d := range byte(4) {
			e := icn.OpenAccount{Account: icn.DID{d}}
			require.NoError(t, errors.Join(do(seldom, now, e), do(often, now, e)))
		}
		look := func(at icn.Time) {
			for d := range byte(4) { // a hold of nothing writes the account anew
				require.NoError(t, do(often, at, icn.Hold{Account: icn.DID{d}}))
			}
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			span := spans.Draw(t, "later")
			for range rapid.IntRange(0, 5).Draw(t, "looks") {
				look(now + icn.Time(rapid.Int64Range(0, int64(span)).Draw(t, "look at")))
			}
			now += span
			d, to := dids.Draw(t, "account"), dids.Draw(t, "to")
			n := amounts(seldom, now, r, d).Draw(t, "amount")
			e := rapid.SampledFrom([]icn.Effect{
				icn.Hold{Account: d, Amount: n}, icn.Release{Account: d, Amount: n}, icn.Settle{From: d, To: to, Held: n, Price: n / 2},
			}).Draw(t, "effect")
			a, b := do(seldom, now, e), do(often, now, e)
			require.Equal(t, a == nil, b == nil, "%v, %v", a, b)
		}
		for d := range byte(4) {
			e := icn.Hold{Account: icn.DID{d}}
			require.NoError(t, errors.Join(do(seldom, now, e), do(often, now, e)))
		}
		require.Equal(t, seldom.Totals(), often.Totals())
		require.Equal(t, seldomDB.Root(), oftenDB.Root())
	})
}
