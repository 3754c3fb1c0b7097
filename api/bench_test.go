package api_test

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// sink is an answer that nobody keeps.
type sink struct{ h http.Header }

func (s sink) Header() http.Header         { return s.h }
func (s sink) Write(p []byte) (int, error) { return len(p), nil }
func (s sink) WriteHeader(int)             {}

func kibibyte(i int) []byte {
	b := make([]byte, 1024)
	binary.BigEndian.PutUint64(b, uint64(i))
	return b
}

// The difference between the API and the DAG alone is what HTTP adds.
func BenchmarkPut(b *testing.B) {
	n, _ := startNode(b)
	s, err := api.New(n, api.Config{Access: api.Access{APIKey: "key", RequireAuth: true}})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("dag", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			if err := n.Blocks().Put(ctx, icn.NewBlock(icn.Raw, kibibyte(i))); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("api", func(b *testing.B) {
		b.ReportAllocs()
		h := s.Handler()
		for i := range b.N {
			r := httptest.NewRequest(http.MethodPost, "/dag/put", bytes.NewReader(kibibyte(i)))
			r.Header.Set("Content-Type", "application/octet-stream")
			r.Header.Set("X-Api-Key", "key")
			h.ServeHTTP(sink{http.Header{}}, r)
		}
	})
	b.Run("request", func(b *testing.B) { // what the benchmark itself costs
		b.ReportAllocs()
		for i := range b.N {
			r := httptest.NewRequest(http.MethodPost, "/dag/put", bytes.NewReader(kibibyte(i)))
			r.Header.Set("Content-Type", "application/octet-stream")
		}
	})
}

func BenchmarkGet(b *testing.B) {
	n, _ := startNode(b)
	s, err := api.New(n, api.Config{Access: api.Access{APIKey: "key", RequireAuth: true}})
	if err != nil {
		b.Fatal(err)
	}
	block := icn.NewBlock(icn.Raw, kibibyte(1))
	if err := n.Blocks().Put(ctx, block); err != nil {
		b.Fatal(err)
	}
	b.Run("dag", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, err := n.Blocks().Get(ctx, block.CID); err != nil {
				b.Fatal(err)
			}
		}
	})
	body := []byte(`{"cid":"` + block.CID.String() + `"}`)
	b.Run("api", func(b *testing.B) {
		b.ReportAllocs()
		h := s.Handler()
		for range b.N {
			r := httptest.NewRequest(http.MethodPost, "/dag/get", bytes.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-Api-Key", "key")
			h.ServeHTTP(sink{http.Header{}}, r)
		}
	})
}

// BenchmarkNew is what the API adds to a node's start.
func BenchmarkNew(b *testing.B) {
	for range b.N {
		if _, err := api.New(nil, api.Config{}); err != nil {
			b.Fatal(err)
		}
	}
}
