package p2p

import (
	"math/rand/v2"
	"time"
)

// Backoff says when to try again: at once after a success, then after Initial,
// doubling up to Max, each wait shortened by up to a half at random so that a
// federation does not dial in step. A plain value without a clock.
type Backoff struct {
	Initial, Max time.Duration

	fails int
	next  time.Time
}

// Failed notes a failed try at now.
func (b *Backoff) Failed(now time.Time) {
	wait := b.Max
	if b.fails < 32 && b.Initial<<b.fails>>b.fails == b.Initial {
		wait = min(b.Initial<<b.fails, b.Max)
	}
	b.fails++
	b.next = now.Add(wait - time.Duration(rand.Int64N(int64(wait)/2+1)))
}

// Succeeded forgets all failures.
func (b *Backoff) Succeeded() { b.fails, b.next = 0, time.Time{} }

// Wait is how long from now until the next try is due.
func (b *Backoff) Wait(now time.Time) time.Duration { return max(0, b.next.Sub(now)) }

// Fails is the number of failures since the last success.
func (b *Backoff) Fails() int { return b.fails }

// Breaker stops asking a peer that does not answer: after Failures in a row it
// refuses for OpenFor, then lets one call try. A plain value without a clock.
type Breaker struct {
	Failures int
	OpenFor  time.Duration

	fails int
	until time.Time
}

// Allow says whether a call may be made now.
func (b *Breaker) Allow(now time.Time) bool {
	if b.fails < b.Failures {
		return true
	}
	if now.Before(b.until) {
		return false
	}
	b.until = now.Add(b.OpenFor) // this one tries; the others wait for it
	return true
}

// State is "closed" while calls are made, "open" while they are refused, and
// "half-open" when the next one may try.
func (b *Breaker) State(now time.Time) string {
	switch {
	case b.fails < b.Failures:
		return "closed"
	case now.Before(b.until):
		return "open"
	}
	return "half-open"
}

// Failed notes a call that was not answered.
func (b *Breaker) Failed(now time.Time) {
	if b.fails++; b.fails >= b.Failures {
		b.until = now.Add(b.OpenFor)
	}
}

// Succeeded notes an answer, be it a refusal: the peer is there.
func (b *Breaker) Succeeded() { b.fails = 0 }
