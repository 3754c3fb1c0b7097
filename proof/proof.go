// Package proof holds the files with which members and strangers check a federation
// with nothing else at hand: a [Receipt] shows that a statement is in the log, a
// [Vote] holds all that a vote's result follows from, and recounts it.
//
// The invariant: what a file claims is taken from nobody's word but the clerks' that
// its genesis block names, by majority, and the members' own signatures. A file of
// which any byte is changed does not pass, and what is wrong is said in one sentence.
//
// It reads no file and asks nobody. Whether the genesis block is that of the
// federation that one has in mind, the reader must know: by the network's CID.
//
//	v, err := proof.DecodeVote(file)
//	report, err := v.Verify(proof.Expect{Network: network})
//	fmt.Println(report.Recount.Reason)
package proof

import (
	"fmt"
	"slices"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/identity"
	"github.com/InterCooperative-Network/icn-core/key/signature"
	"github.com/InterCooperative-Network/icn-core/state"
)

// Anchor ties what a file shows to a federation: from its genesis block to a
// checkpoint that a majority of the clerks has signed.
type Anchor struct {
	Genesis   []byte     // the genesis block
	Rotations [][]byte   // statements by which those who signed have got other keys
	Handovers []Handover // from the clerks of the genesis to those of the note
	Note      string     // the certified checkpoint
}

// Handover shows that others have become the clerks: the row that names them, under
// a checkpoint that a majority of the clerks before them has signed.
type Handover struct {
	Note  string
	Row   []byte
	Proof state.Proof
}

// Expect is what the reader of a file knows already.
type Expect struct {
	Network icn.CID  // undefined: any
	Notes   []string // checkpoints that were kept, or got elsewhere

	// Check tells which signatures are good; nil: by the networks' rule.
	Check func([]signature.Item) []bool
}

// Certified is what an anchor has shown.
type Certified struct {
	Network    icn.CID
	Genesis    *icn.Genesis
	Checkpoint icn.Checkpoint
	Clerks     []identity.Clerk // who could sign it
	Signed     []icn.DID        // who has
	Keys       icn.Keyring

	check func([]signature.Item) []bool
}

func (c *Certified) verify(key [32]byte, msg, sig []byte) bool {
	return c.check([]signature.Item{{Key: key, Msg: msg, Sig: sig}})[0]
}

// Verify follows the anchor from the genesis block to its checkpoint.
func (a Anchor) Verify(want Expect) (c Certified, err error) {
	c.Network = icn.SumCID(icn.DagCBOR, a.Genesis)
	if want.Network.Defined() && want.Network != c.Network {
		return c, fmt.Errorf("network: %w: the file is of the network %s, not of %s", icn.ErrInvalid, c.Network, want.Network)
	}
	if c.Genesis, err = icn.DecodeGenesis(a.Genesis); err != nil {
		return c, err
	}
	if last, _, err := icn.ParseNote(a.Note); err == nil && last.Network != c.Network {
		return c, fmt.Errorf("genesis: %w: the file's checkpoint is of the network %s, its genesis block of %s", icn.ErrCorrupt, last.Network, c.Network)
	}
	if c.check = want.Check; c.check == nil {
		c.check = signature.VerifyBatch
	}
	if c.Keys, err = icn.ReadKeyring(c.Network, a.Rotations, c.verify); err != nil {
		return c, err
	}
	c.Clerks = identity.Founding(c.Genesis)
	for i, h := range a.Handovers {
		if err := c.handOver(h); err != nil {
			return c, fmt.Errorf("change of clerks %d: %w", i+1, err)
		}
	}
	if err := c.certify(a.Note, nil); err != nil {
		return c, err
	}
	return c, c.compare(a.Note, want.Notes)
}

// handOver makes those the clerks that the row names, if the clerks so far say so.
func (c *Certified) handOver(h Handover) error {
	r := icn.NewReader(h.Row)
	next := identity.ReadClerks(r)
	if err := r.Close(); err != nil {
		return err
	}
	if len(next) == 0 {
		return fmt.Errorf("%w: it names nobody", icn.ErrInvalid)
	}
	if err := c.certify(h.Note, next); err != nil {
		return err
	}
	if err := state.VerifyRow(c.Checkpoint.State, identity.ClerksTable, "", h.Row, h.Proof); err != nil {
		return err
	}
	c.Clerks = next
	return nil
}

// certify takes the next checkpoint: a majority of the clerks must have signed it.
// Others who sign it, because they are the next clerks, do not count; but no line of
// it may be false.
func (c *Certified) certify(note string, next []identity.Clerk) error {
	point, sigs, err := icn.ParseNote(note)
	switch {
	case err != nil:
		return err
	case point.Note(sigs) != note:
		return fmt.Errorf("checkpoint: %w: not in canonical form", icn.ErrInvalid)
	case point.Network != c.Network:
		return fmt.Errorf("checkpoint: %w: it is of the network %s, the genesis block of %s", icn.ErrInvalid, point.Network, c.Network)
	case point.Size < c.Checkpoint.Size:
		return fmt.Errorf("checkpoint: %w: of %d entries, after one of %d", icn.ErrInvalid, point.Size, c.Checkpoint.Size)
	}
	if c.Checkpoint.Size == point.Size && c.Checkpoint.Network.Defined() && c.Checkpoint != point {
		return contradict(c.Checkpoint, point, nil)
	}
	c.Signed = nil
	for _, s := range sigs {
		counts := isClerk(c.Clerks, s.Signer)
		if !counts && !isClerk(next, s.Signer) {
			return fmt.Errorf("checkpoint of %d entries: %w: %s has signed it, who is no clerk", point.Size, icn.ErrDenied, s.Signer)
		}
		if !c.signed(s, point, next) {
			return fmt.Errorf("checkpoint of %d entries: %w: it does not say what %s has signed", point.Size, icn.ErrCorrupt, s.Signer)
		}
		if counts {
			c.Signed = append(c.Signed, s.Signer)
		}
	}
	if need := len(c.Clerks)/2 + 1; len(c.Signed) < need {
		return fmt.Errorf("checkpoint of %d entries: %w: %d of %d clerks have signed it, %d are needed", point.Size, icn.ErrDenied, len(c.Signed), len(c.Clerks), need)
	}
	c.Checkpoint = point
	return nil
}

func isClerk(all []identity.Clerk, d icn.DID) bool {
	return slices.ContainsFunc(all, func(k identity.Clerk) bool { return k.DID == d })
}

// signed says whether a signature is by a key that its signer has or had, as far as we
// know: who takes another key may sign once more with the one before.
func (c *Certified) signed(s icn.NoteSig, point icn.Checkpoint, next []identity.Clerk) bool {
	text := []byte(point.Text())
	for _, k := range slices.Concat(c.Clerks, next) {
		if k.DID == s.Signer && c.verify(k.Key, text, s.Sig[:]) {
			return true
		}
	}
	return c.Keys.Signed(s.Signer, text, s.Sig[:], c.verify)
}

// compare looks for checkpoints that contradict this one: of the same size, with other
// roots, signed by one of the clerks.
func (c *Certified) compare(note string, others []string) error {
	for _, other := range others {
		point, sigs, err := icn.ParseNote(other)
		if err != nil {
			return fmt.Errorf("the checkpoint to compare with: %w", err)
		}
		if point.Network != c.Network {
			return fmt.Errorf("the checkpoint to compare with: %w: it is of the network %s", icn.ErrInvalid, point.Network)
		}
		if point.Size != c.Checkpoint.Size || point == c.Checkpoint {
			continue
		}
		var both []icn.DID
		for _, s := range sigs {
			if isClerk(c.Clerks, s.Signer) && c.signed(s, point, nil) && slices.Contains(c.Signed, s.Signer) {
				both = append(both, s.Signer)
			}
		}
		return contradict(c.Checkpoint, point, both)
	}
	return nil
}

func contradict(a, b icn.Checkpoint, both []icn.DID) error {
	what := "state roots"
	if a.Tree != b.Tree {
		what = "logs"
	}
	who := "no clerk has signed both"
	if len(both) > 0 {
		who = fmt.Sprintf("%v signed both: that proves them dishonest, keep the two", both)
	}
	return fmt.Errorf("two checkpoints of %d entries: %w: with different %s; %s", a.Size, icn.ErrCorrupt, what, who)
}
