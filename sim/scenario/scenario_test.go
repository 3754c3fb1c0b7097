package scenario_test

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/sim/scenario"
)

var update = flag.Bool("update", false, "write the reports anew")

func play(t *testing.T, text []byte) *scenario.Report {
	t.Helper()
	s, err := scenario.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Run()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Every example is played, and its report is the one that is shown.
func TestTheExamplesReportsAreAsShown(t *testing.T) {
	files, err := filepath.Glob("../../examples/scenarios/*.toml")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".toml")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r := play(t, text)
			if r.Err != "" {
				t.Fatal(r.Err)
			}
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(r.Text()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if r.Text() != string(want) {
				t.Errorf("the report changed; if that is meant: go test ./sim/scenario -update\n%s", r.Text())
			}
			wellFormed(t, r.SVG())
		})
	}
}

func wellFormed(t *testing.T, svg string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("the chart is no XML: %v", err)
		}
	}
}

func TestAnotherSeedIsAnotherCourseAndTheSameOneIsNot(t *testing.T) {
	text := []byte("seconds = 10\n[load]\njobs_per_second = 5\n")
	a, b := play(t, text), play(t, text)
	if a.Text() != b.Text() {
		t.Error("one seed, two reports")
	}
	c := play(t, append([]byte("seed = 2\n"), text...))
	if a.Text() == c.Text() {
		t.Error("two seeds, one report")
	}
}

func TestWhatCannotBeMeantIsRefusedWithItsPlace(t *testing.T) {
	for text, words := range map[string]string{ // order: each stands alone
		"secnds = 5":                             `line 1: invalid: "secnds" is no key`,
		"\n[federation]\nnodes = \"many\"":       "line 3",
		"[federation]\nnodes = 5000":             "1 to 200 can be simulated",
		"[[event]]\nat = 1\ndown = [\"nobody\"]": `there is no node "nobody"; there are node1, node2, node3`,
		"[rules]\njob_retry_cout = 1":            "job_retry_cout",
		"[rules]\njob_retry_count = 1000":        "job_retry_count must be 1 to 100",
		"[federation]\nnames = [\"a\", \"a\"]":   "stands twice",
		"[federation]\nnames = [\"leader\"]":     "the word for whoever leads",
		"seconds = 99999999":                     "want 1 to 604800",
		"[load]\njobs_per_second = -1":           "out of bounds",
	} {
		if _, err := scenario.Read([]byte(text)); !errors.Is(err, icn.ErrInvalid) || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestALostLeaderIsReplacedAndNoJobIsLost(t *testing.T) {
	text, err := os.ReadFile("../../examples/scenarios/leader.toml")
	if err != nil {
		t.Fatal(err)
	}
	r := play(t, text)
	if r.Posted == 0 || r.Completed != r.Posted || r.Idle == 0 {
		t.Errorf("%d posted, %d completed, %d ms without a leader", r.Posted, r.Completed, r.Idle)
	}
}
