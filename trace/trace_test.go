package trace

import (
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/internal/otlptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	alice, bob = icn.DID{1}, icn.DID{2}
	someJob    = jobOf("a job")
)

func jobOf(text string) icn.CID { return icn.SumCID(icn.DagCBOR, []byte(text)) }

// begin starts a tracer that tells a collector.
func begin(t testing.TB, me icn.DID, endpoint string, change ...func(*Config)) *Tracer {
	t.Helper()
	c := Config{Node: me, Name: "node", Federation: "fed", Release: "1", Endpoint: endpoint + "/v1/traces", Sample: 1, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&c)
	}
	tr, err := New(c)
	require.NoError(t, err)
	t.Cleanup(tr.Close)
	return tr
}

// event is one of this moment.
func event(b icn.EventBody) icn.Event {
	return icn.Event{Time: icn.Time(time.Now().UnixMilli()) + 1, Type: b.EventType(), Body: b}
}

func saw(bodies ...icn.EventBody) (out []icn.Event) {
	for _, b := range bodies {
		out = append(out, event(b))
	}
	return out
}

// names are a trace's spans as step/attempt, "!" for a failed one.
func names(spans []otlptest.Span) (out []string) {
	for _, s := range spans {
		n := s.Name
		if s.Failed() {
			n = "!" + n
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

func TestIDsFollowFromTheJob(t *testing.T) {
	// printf 'icn/trace/v1' | cat - JOB | sha256sum, as anybody would.
	id := TraceID(someJob)
	require.Equal(t, "c3b6adb9dd2e5d209e1823a51f61a33a", hex.EncodeToString(id[:]))
	base := place{someJob, 1, stepRun, alice, 0}
	span := base.id()
	require.Equal(t, "2864b22725b81069", hex.EncodeToString(span[:]))
	for _, other := range []place{{jobOf("another"), 1, stepRun, alice, 0}, {someJob, 2, stepRun, alice, 0}, {someJob, 1, stepReceipt, alice, 0}, {someJob, 1, stepRun, bob, 0}, {someJob, 1, stepRun, alice, 1}} {
		require.NotEqual(t, span, other.id())
	}
}

func TestAllNodesTakeTheSameJobs(t *testing.T) {
	share := func(me icn.DID, x float64) *Tracer {
		return begin(t, me, "http://127.0.0.1:1", func(c *Config) { c.Sample = x })
	}
	a, b, more, all, none := share(alice, .25), share(bob, .25), share(bob, .5), share(alice, 1), share(alice, 0)
	n := 0
	for i := range 4000 {
		j := jobOf(fmt.Sprint(i))
		require.Equal(t, a.follows(j), b.follows(j))
		require.True(t, !a.follows(j) || more.follows(j), "a larger share holds what a smaller one does")
		require.True(t, all.follows(j))
		require.False(t, none.follows(j))
		if a.follows(j) {
			n++
		}
	}
	require.InDelta(t, 1000, n, 120)
}

func TestNodesReportOneTrace(t *testing.T) {
	c := otlptest.Start(t)
	a, b := begin(t, alice, c.URL), begin(t, bob, c.URL, func(c *Config) { c.Federation = "" })
	a.Submitted(someJob, time.Now())
	b.In("the coops")
	both := func(bodies ...icn.EventBody) {
		a.Saw(saw(bodies...))
		b.Saw(saw(bodies...))
	}
	both(icn.JobPosted{Job: someJob, Submitter: alice, Via: alice, Held: 10})
	a.Offered(&icn.Bid{Job: someJob, Attempt: 1, Executor: bob, Price: 3})
	a.Offered(&icn.Bid{Job: someJob, Attempt: 1, Executor: alice, Pass: true})
	both(icn.JobAssigned{Job: someJob, Attempt: 1, Executor: bob, Price: 3})
	// It traps, and then runs.
	run := b.Run(someJob, 1, alice)
	run.Input()(nil)
	run.Enter()
	run.Leave()
	run.End(icn.JobReceipt{Outcome: icn.Outcome{Fault: icn.FaultTrap, Gas: 7}, Message: "hush"}, nil)
	both(icn.AttemptFailed{Job: someJob, Attempt: 1, Executor: &bob, Cause: icn.CauseProgram, Reason: "hush"}, icn.JobAssigned{Job: someJob, Attempt: 2, Executor: alice, Price: 4, Next: true})
	run = a.Run(someJob, 2, alice)
	run.Input()(nil)
	run.Program()(nil)
	run.Enter()
	run.Leave()
	run.End(icn.JobReceipt{}, nil)
	both(icn.JobSettled{Job: someJob, Attempt: 2, Submitter: alice, Executor: alice, Burnt: 4})
	both(icn.CheckOpened{Job: someJob, Executor: alice, Checker: bob})
	b.Run(someJob, 0, alice).End(icn.JobReceipt{}, nil)
	both(icn.CheckEnded{Job: someJob, Executor: alice, Result: "mismatch", Checkers: []icn.DID{bob}})
	for range 2 {
		b.Audit(someJob, alice).End(icn.JobReceipt{}, nil)
	}
	a.Close()
	b.Close()

	require.Empty(t, c.Faults())
	require.Equal(t, 1, c.Traces())
	spans := c.Trace(TraceID(someJob))
	require.Empty(t, otlptest.Tree(spans))
	require.Equal(t, []string{"!attempt", "!check", "!execute", "!receipt", "!run", "attempt", "audit", "audit", "execute", "fetch input", "fetch input", "fetch program", "offer", "receipt", "run", "run", "submit"}, names(spans))
	require.Equal(t, uint64(len(spans)), a.Sent()+b.Sent())
	require.Zero(t, a.Dropped()+b.Dropped())
	for _, s := range spans {
		require.Equal(t, "icn-node", s.Node["service.name"])
		require.Equal(t, someJob.String(), s.Says["icn.job"])
		require.NotContains(t, s.String(), "hush", "what a program says is not told")
		switch {
		case s.Name == "offer":
			require.Len(t, s.Events, 2)
			require.Contains(t, s.Says["icn.executors"], bob.String())
		case s.Name == "execute" && s.Failed():
			require.Equal(t, bob.String(), s.Node["icn.node.did"])
			require.Equal(t, "the coops", s.Node["icn.federation"])
			require.Equal(t, "trap", s.Says["icn.fault"])
		}
	}
}

func TestAJobThatIsRolledBackFails(t *testing.T) {
	c := otlptest.Start(t)
	a := begin(t, alice, c.URL)
	a.Saw(saw(icn.JobPosted{Job: someJob, Via: alice}))
	a.Saw(saw(icn.AttemptFailed{Job: someJob, Attempt: 1, Cause: icn.CauseUnassigned}, icn.JobRolledBack{Job: someJob, Attempts: 1}))
	a.Saw(saw(icn.JobAssigned{Job: someJob, Attempt: 2, Executor: bob})) // of nothing that is known any more
	a.Close()
	spans := c.Trace(TraceID(someJob))
	require.Empty(t, otlptest.Tree(spans))
	require.Equal(t, []string{"!attempt", "!offer", "!roll back", "submit"}, names(spans))
}

func TestAJobGoesOnAfterARestart(t *testing.T) {
	c := otlptest.Start(t)
	a := begin(t, alice, c.URL)
	a.Saw(saw(icn.JobPosted{Job: someJob, Via: alice}))
	a.Close()
	a = begin(t, alice, c.URL)
	past := event(icn.JobPosted{Job: someJob, Via: alice})
	past.Time -= 3600_000
	a.Saw([]icn.Event{past}) // folded again: it was told in another life
	a.Resume(someJob, 1, false)
	a.Saw(saw(icn.JobAssigned{Job: someJob, Attempt: 1, Executor: bob}, icn.JobCancelled{Job: someJob}))
	a.Close()
	spans := c.Trace(TraceID(someJob))
	require.Empty(t, otlptest.Tree(spans))
	require.Equal(t, []string{"attempt", "offer", "submit"}, names(spans))
}

func TestJobsOfOthersAreNotTold(t *testing.T) {
	c := otlptest.Start(t)
	a := begin(t, alice, c.URL)
	a.Saw(saw(icn.JobPosted{Job: someJob, Via: bob}, icn.JobAssigned{Job: someJob, Attempt: 1, Executor: bob}, icn.JobSettled{Job: someJob, Attempt: 1, Executor: bob}))
	a.Close()
	require.Zero(t, c.Traces())
}

func TestANilTracerTracesNothing(t *testing.T) {
	var tr *Tracer
	tr.Submitted(someJob, time.Now())
	tr.Offered(&icn.Bid{Job: someJob})
	tr.Saw(saw(icn.JobPosted{Job: someJob}))
	r := tr.Run(someJob, 1, alice)
	r.Input()(nil)
	r.Program()(nil)
	r.Enter()
	r.Leave()
	r.End(icn.JobReceipt{}, nil)
	tr.Close()
	require.Zero(t, tr.Sent()+tr.Dropped())
}

// many tells so many spans.
func many(tr *Tracer, n int) {
	for i := range n {
		tr.Saw(saw(icn.JobPosted{Job: jobOf(fmt.Sprint("many", i)), Via: alice}))
	}
}

// TestNobodyWaitsForACollector has one that takes a connection and never answers.
func TestNobodyWaitsForACollector(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var calls atomic.Int64
	var waits sync.WaitGroup
	defer waits.Wait()
	defer l.Close()
	waits.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			calls.Add(1)
		}
	})
	tr := begin(t, alice, "http://"+l.Addr().String())
	many(tr, 3*room)
	require.EqualValues(t, 2*room, tr.Dropped(), "beyond those that may wait")
	before := calls.Load()
	tr.Close()
	require.LessOrEqual(t, calls.Load()-before, int64(2), "it is not asked again and again for what is left")
	require.EqualValues(t, 3*room, tr.Dropped())
	require.Zero(t, tr.Sent())
}

func TestACollectorThatIsAwayCostsOneLine(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close()) // nobody listens there
	log := &lines{}
	tr := begin(t, alice, "http://"+l.Addr().String(), func(c *Config) { c.Log = slog.New(slog.NewTextHandler(log, nil)) })
	tr.out.conn.hurry() // not tried again, so that there are many failures
	many(tr, 5*together)
	require.Eventually(t, func() bool { return tr.Dropped() == 5*together }, 20*time.Second, time.Millisecond)
	require.Equal(t, 1, log.count("spans of traces are dropped"))
	tr.Close()
	require.Equal(t, 1, log.count("spans of traces are dropped"))
	require.Equal(t, 1, log.count("has not got all spans"))
}

// lines counts what is logged.
type lines struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.all.String(), text)
}

func TestWhatACollectorCannotTakeNowItGetsLater(t *testing.T) {
	c := otlptest.Start(t)
	times := 0
	c.Answer(func() otlptest.Answer {
		if times++; times < 3 {
			return otlptest.Answer{Status: http.StatusServiceUnavailable}
		}
		return otlptest.Answer{Status: http.StatusOK}
	})
	tr := begin(t, alice, c.URL, func(c *Config) { c.Headers = map[string]string{"Authorization": "Bearer hush"} })
	many(tr, 2)
	require.Eventually(t, func() bool { return tr.Sent() == 2 }, 20*time.Second, time.Millisecond)
	require.Zero(t, tr.Dropped())
	require.Len(t, c.Heads(), 3)
	require.Equal(t, "Bearer hush", c.Heads()[0].Get("Authorization"))
}

func TestWhatACollectorRefusesIsCounted(t *testing.T) {
	c := otlptest.Start(t)
	c.Answer(func() otlptest.Answer {
		return otlptest.Answer{Status: http.StatusOK, Rejected: 2, Why: "too old"}
	})
	log := &lines{}
	tr := begin(t, alice, c.URL, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(log, nil)) })
	many(tr, 5)
	tr.Close()
	require.EqualValues(t, 2, tr.Dropped())
	require.EqualValues(t, 3, tr.Sent())
	require.Equal(t, 1, log.count("it refused 2 spans: too old"))

	c.Answer(func() otlptest.Answer {
		return otlptest.Answer{Status: http.StatusUnauthorized}
	})
	tr = begin(t, alice, c.URL)
	many(tr, 5)
	before := len(c.Heads())
	require.Eventually(t, func() bool { return tr.Dropped() == 5 }, 20*time.Second, time.Millisecond)
	tr.Close()
	require.EqualValues(t, 5, tr.Dropped())
	require.Len(t, c.Heads(), before+1, "it is not asked again")
}

func TestACollectorIsKnownByItsCertificate(t *testing.T) {
	c := otlptest.New()
	c.StartTLS()
	defer c.Close()
	tr := begin(t, alice, c.URL)
	many(tr, 1)
	tr.Close()
	require.EqualValues(t, 1, tr.Dropped(), "nobody whom this machine trusts signed it")

	roots := x509.NewCertPool()
	roots.AddCert(c.Certificate())
	tr = begin(t, alice, c.URL, func(c *Config) { c.Roots = roots })
	many(tr, 1)
	tr.Close()
	require.EqualValues(t, 1, tr.Sent())
	require.Empty(t, c.Faults())
}

func BenchmarkOffered(b *testing.B) {
	tr := begin(b, alice, "http://127.0.0.1:1")
	bid := &icn.Bid{Job: someJob, Attempt: 1, Executor: bob}
	for b.Loop() {
		tr.Offered(bid)
	}
}

// BenchmarkJob is all that a job costs the node that assigns it and runs it.
func BenchmarkJob(b *testing.B) {
	c := otlptest.Start(b)
	tr := begin(b, alice, c.URL)
	n := 0
	for b.Loop() {
		n++
		job := jobOf(fmt.Sprint("bench", n))
		tr.Submitted(job, time.Now())
		tr.Saw(saw(icn.JobPosted{Job: job, Via: alice}))
		tr.Offered(&icn.Bid{Job: job, Attempt: 1, Executor: alice})
		tr.Saw(saw(icn.JobAssigned{Job: job, Attempt: 1, Executor: alice}))
		r := tr.Run(job, 1, alice)
		r.Input()(nil)
		r.Enter()
		r.Leave()
		r.End(icn.JobReceipt{}, nil)
		tr.Saw(saw(icn.JobSettled{Job: job, Attempt: 1, Executor: alice}))
	}
}
