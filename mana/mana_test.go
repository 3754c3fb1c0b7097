package mana_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/mana"
	"github.com/InterCooperative-Network/icn-core/state"
)

var (
	ann = icn.DID{1}
	bob = icn.DID{2}
)

// bank is a fold under fixed rules.
type bank struct {
	*testing.T
	f     *mana.Fold
	db    *state.DB
	rules icn.Rules
}

func newBank(t *testing.T, r icn.Rules) *bank {
	f, db := newFold()
	b := &bank{t, f, db, r}
	b.must(0, icn.OpenAccount{Account: ann})
	b.must(0, icn.OpenAccount{Account: bob})
	return b
}

func (b *bank) do(now icn.Time, e icn.Effect) error {
	b.Helper()
	_, err := b.f.Do(mana.Step{Time: now, Rules: b.rules}, e)
	require.True(b, b.f.Totals().Balanced(), "%+v", b.f.Totals())
	return err
}

func (b *bank) must(now icn.Time, e icn.Effect) {
	b.Helper()
	require.NoError(b, b.do(now, e))
}

func (b *bank) has(d icn.DID, now icn.Time, balance, held uint64) {
	b.Helper()
	a, ok := b.f.At(d, now, b.rules)
	require.True(b, ok)
	require.Equal(b, [2]uint64{balance, held}, [2]uint64{a.Balance, a.Held})
}

func TestANewAccountHasItsIssueOnce(t *testing.T) {
	f, _ := newFold()
	step := mana.Step{Time: 5, Rules: rulesOf(1000, 10_000, 10)}
	ev, err := f.Do(step, icn.OpenAccount{Account: ann})
	require.NoError(t, err)
	require.Equal(t, icn.AccountOpened{Account: ann, Issued: 1000}, ev)
	_, err = f.Do(step, icn.OpenAccount{Account: ann})
	require.ErrorIs(t, err, icn.ErrConflict)
	require.Equal(t, mana.Totals{Issued: 1000, Balances: 1000}, f.Totals())
}

func TestS31RegenerationStopsAtTheCap(t *testing.T) {
	b := newBank(t, rulesOf(1000, 1010, 10))
	b.has(ann, hour/2, 1005, 0)
	b.has(ann, hour-1, 1009, 0)
	b.has(ann, hour, 1010, 0)
	b.has(ann, 100*hour, 1010, 0)
	b.must(100*hour, icn.Hold{Account: ann, Amount: 500})
	b.has(ann, 200*hour, 510, 500) // what is held takes room
}

func TestAFullAccountStartsFromAWholeUnit(t *testing.T) {
	b := newBank(t, rulesOf(10, 10, 1))
	b.must(hour/2, icn.Hold{Account: ann, Amount: 4})
	b.must(hour/2, icn.Settle{From: ann, To: bob, Held: 4, Price: 4})
	b.has(ann, hour, 6, 0)
	b.has(ann, hour*3/2-1, 6, 0)
	b.has(ann, hour*3/2, 7, 0)
}

func TestTimeBackwardsRegeneratesNothing(t *testing.T) {
	b := newBank(t, rulesOf(10, 1000, 10))
	b.must(hour, icn.Hold{Account: ann})
	b.has(ann, 0, 20, 0)
	b.must(0, icn.Hold{Account: ann, Amount: 20})
	b.has(ann, 2*hour, 10, 20)
}

func TestAHoldOverTheBalanceIsRefused(t *testing.T) {
	b := newBank(t, rulesOf(100, 1000, 0))
	root := b.db.Root()
	require.ErrorIs(t, b.do(0, icn.Hold{Account: ann, Amount: 101}), icn.ErrInsufficient)
	require.ErrorIs(t, b.do(0, icn.Hold{Account: ann, Amount: math.MaxUint64}), icn.ErrInsufficient)
	require.ErrorIs(t, b.do(0, icn.Hold{Account: icn.DID{9}, Amount: 1}), icn.ErrNotFound)
	require.Equal(t, root, b.db.Root(), "a refusal leaves no trace")
	b.must(0, icn.Hold{Account: ann, Amount: 100})
	b.has(ann, 0, 0, 100)
	require.ErrorIs(t, b.do(0, icn.Hold{Account: ann, Amount: 1}), icn.ErrInsufficient)
}

func TestMoreThanIsHeldIsNeverReleased(t *testing.T) {
	b := newBank(t, rulesOf(100, 1000, 0))
	b.must(0, icn.Hold{Account: ann, Amount: 40})
	root := b.db.Root()
	require.ErrorIs(t, b.do(0, icn.Release{Account: ann, Amount: 41}), icn.ErrConflict)
	require.ErrorIs(t, b.do(0, icn.Release{Account: ann, Amount: math.MaxUint64}), icn.ErrConflict)
	require.ErrorIs(t, b.do(0, icn.Settle{From: ann, To: bob, Held: 41, Price: 1}), icn.ErrConflict)
	require.ErrorIs(t, b.do(0, icn.Settle{From: ann, To: bob, Held: 40, Price: 41}), icn.ErrInvalid)
	require.ErrorIs(t, b.do(0, icn.Settle{From: ann, To: icn.DID{9}, Held: 40, Price: 1}), icn.ErrNotFound)
	require.ErrorIs(t, b.do(0, icn.Settle{From: icn.DID{9}, To: bob, Held: 40, Price: 1}), icn.ErrNotFound)
	require.ErrorIs(t, b.do(0, icn.SetTimer{Name: "x"}), icn.ErrInvalid)
	require.Equal(t, root, b.db.Root(), "a refusal leaves no trace")
	b.must(0, icn.Release{Account: ann, Amount: 40})
	b.has(ann, 0, 100, 0)
}

func TestSettlingBurnsMintsAndReleasesInOneStep(t *testing.T) {
	b := newBank(t, rulesOf(100, 120, 0))
	b.must(0, icn.Hold{Account: ann, Amount: 60})
	b.must(0, icn.Settle{From: ann, To: bob, Held: 60, Price: 30})
	b.has(ann, 0, 70, 0)
	b.has(bob, 0, 120, 0)
	require.Equal(t, mana.Totals{Issued: 200, Minted: 30, Burnt: 30, Lost: 10, Balances: 190}, b.f.Totals())
}

func TestWhoRunsItsOwnJobPaysItself(t *testing.T) {
	b := newBank(t, rulesOf(100, 100, 0))
	b.must(0, icn.Hold{Account: ann, Amount: 60})
	b.must(0, icn.Settle{From: ann, To: ann, Held: 60, Price: 30})
	b.has(ann, 0, 100, 0)
}

func moment(year int) icn.Time {
	return icn.Time(time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
}

func TestNoMomentAndNoRateWraps(t *testing.T) {
	far := []icn.Time{0, 1, moment(2031), moment(9999), 1 << 53, math.MaxInt64}
	for _, r := range []icn.Rules{
		rulesOf(0, 1<<40, 1<<30), rulesOf(1, 1<<40, 1), rulesOf(0, 1, 1<<30), rulesOf(1000, 10_000, 10),
		rulesOf(0, math.MaxUint64, math.MaxUint64), rulesOf(math.MaxUint64, math.MaxUint64, 1), rulesOf(0, math.MaxUint64, 1), rulesOf(0, math.MaxUint64, 1<<30),
	} {
		for _, from := range far {
			for _, to := range far {
				f, _ := newFold()
				x := newBooks()
				for _, now := range []icn.Time{from, to, max(to, to+1)} {
					for _, e := range []icn.Effect{icn.OpenAccount{Account: ann}, icn.Hold{Account: ann, Amount: 1}, icn.Release{Account: ann, Amount: 1}} {
						_, err := f.Do(mana.Step{Time: now, Rules: r}, e)
						require.Equal(t, x.do(now, r, e), err == nil, "%v", err)
						x.compare(t, f)
					}
				}
			}
		}
	}
}

func TestRowsReadBackAsWritten(t *testing.T) {
	b := newBank(t, rulesOf(100, 120, 7))
	b.must(100, icn.Hold{Account: ann, Amount: 60})
	b.must(2*hour+1, icn.Settle{From: ann, To: bob, Held: 50, Price: 33})
	f, db := newFold()
	require.NoError(t, db.Restore(icn.NewReader(b.db.Snapshot(nil))))
	require.Equal(t, b.db.Root(), db.Root())
	require.Equal(t, b.f.Totals(), f.Totals())
}

func TestAccountsOfNobodyAreNotFound(t *testing.T) {
	f, _ := newFold()
	_, ok := f.At(ann, 5, icn.DefaultRules())
	require.False(t, ok)
	_, err := f.Do(mana.Step{}, icn.Release{Account: ann})
	require.True(t, errors.Is(err, icn.ErrNotFound))
}

func TestWhatIsBurntOutOfAHoldIsGone(t *testing.T) {
	b := newBank(t, rulesOf(1000, 10_000, 0))
	b.must(0, icn.Hold{Account: ann, Amount: 100})
	require.ErrorIs(t, b.do(0, icn.Burn{Account: ann, Amount: 101}), icn.ErrConflict)
	b.must(0, icn.Burn{Account: ann, Amount: 40})
	a, _ := b.f.At(ann, 0, b.rules)
	require.EqualValues(t, 900, a.Balance)
	require.EqualValues(t, 60, a.Held)
	require.EqualValues(t, 40, b.f.Totals().Burnt)
}

func TestARefundTakesNoMoreThanThereIs(t *testing.T) {
	b := newBank(t, rulesOf(1000, 10_000, 0))
	b.must(0, icn.Hold{Account: ann, Amount: 970})
	ev, err := b.f.Do(mana.Step{Rules: b.rules}, icn.Refund{From: ann, To: bob, Amount: 50})
	require.NoError(t, err)
	require.Equal(t, icn.Refunded{From: ann, To: bob, Paid: 50, Amount: 30}, ev)
	a, _ := b.f.At(ann, 0, b.rules)
	require.Zero(t, a.Balance)
	c, _ := b.f.At(bob, 0, b.rules)
	require.EqualValues(t, 1030, c.Balance)
	require.True(t, b.f.Totals().Balanced())
	require.ErrorIs(t, b.do(0, icn.Refund{From: ann, To: icn.DID{9}, Amount: 1}), icn.ErrNotFound)
}

func TestTheTierSetsHowFastAndHowFar(t *testing.T) {
	r := rulesOf(100, 1000, 100)
	for tier, want := range map[icn.Tier][2]uint64{icn.TierLow: {150, 500}, icn.TierNormal: {200, 1000}, icn.TierHigh: {250, 1500}} { // order: each stands alone
		b := newBank(t, r)
		b.must(0, icn.SetTier{Account: ann, Tier: tier})
		a, _ := b.f.At(ann, hour, r)
		require.Equal(t, want[0], a.Balance, tier)
		a, _ = b.f.At(ann, 1000*hour, r)
		require.Equal(t, want[1], a.Balance, tier)
	}
}

func TestWhatGrewBeforeATierIsKept(t *testing.T) {
	r := rulesOf(100, 1000, 100)
	b := newBank(t, r)
	b.must(8*hour, icn.SetTier{Account: ann, Tier: icn.TierLow})
	a, _ := b.f.At(ann, 100*hour, r)
	require.EqualValues(t, 900, a.Balance, "over the new cap it grows no more, and loses nothing")
}
