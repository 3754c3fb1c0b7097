package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// measureSiege takes what a good client sees while others guess keys, say their
// requests a byte at a time, and send bodies that nobody wants.
func measureSiege(ctx context.Context, bin, dir string, each time.Duration) error {
	p, err := start(ctx, bin, filepath.Join(dir, "siege"), nil)
	if err != nil {
		return err
	}
	defer p.stop()
	host := strings.TrimPrefix(p.url, "http://")
	// good is what a client sees who asks some 200 times a second.
	good := func(enough func() bool) (took []time.Duration, err error) {
		for !enough() {
			began := time.Now()
			if _, err := p.api.Status(ctx); err != nil {
				return took, fmt.Errorf("a good client: %w", err)
			}
			took = append(took, time.Since(began))
			time.Sleep(5 * time.Millisecond)
		}
		slices.Sort(took)
		return took, nil
	}
	after := func(d time.Duration) func() bool {
		end := time.Now().Add(d)
		return func() bool { return time.Now().After(end) }
	}
	if _, err := good(after(time.Second)); err != nil { // warm
		return err
	}
	quiet, err := good(after(2 * each))
	if err != nil {
		return err
	}
	before, err := p.rss()
	if err != nil {
		return err
	}
	siege, stop := context.WithCancel(ctx)
	defer stop()
	var work sync.WaitGroup
	var guesses, slow, bodies atomic.Int64
	for range 4 {
		work.Go(func() { guess(siege, p.url, &guesses) })
	}
	for range 2000 {
		work.Go(func() { drip(siege, host, &slow) })
	}
	for range 2 {
		work.Go(func() { flood(siege, p.url, &bodies) })
	}
	for slow.Load() < 2000 {
		time.Sleep(10 * time.Millisecond)
	}
	guesses.Store(0)
	busy, err := good(func() bool { return guesses.Load() >= 10_000 })
	if err != nil {
		return err
	}
	then, err := p.rss()
	if err != nil {
		return err
	}
	fmt.Printf("a good client, quiet: p50 %v, p99 %v; under siege (%d wrong keys, %d slow connections, %d bodies of 100 MB): p50 %v, p99 %v, ratio of p99 %.1f; RSS %.0f MB, then %.0f MB\n",
		at(quiet, .5), at(quiet, .99), guesses.Load(), slow.Load(), bodies.Load(), at(busy, .5), at(busy, .99), float64(at(busy, .99))/float64(at(quiet, .99)), float64(before)/1e6, float64(then)/1e6)
	stop()
	work.Wait()
	return nil
}

func at(sorted []time.Duration, q float64) time.Duration {
	return sorted[int(q*float64(len(sorted)-1))].Round(10 * time.Microsecond)
}

// guess tries keys, some 250 a second.
func guess(ctx context.Context, url string, n *atomic.Int64) {
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/status", nil)
		if err != nil {
			return
		}
		req.Header.Set("X-Api-Key", fmt.Sprint("guess ", n.Load()))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			continue
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		n.Add(1)
		time.Sleep(3 * time.Millisecond)
	}
}

// drip says a request a byte at a time, for ever anew.
func drip(ctx context.Context, host string, n *atomic.Int64) {
	for ctx.Err() == nil {
		c, err := net.Dial("tcp", host)
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		n.Add(1)
		for _, b := range []byte("GET /status HTTP/1.1\r\nHost: icn\r\nX-Padding: " + strings.Repeat("x", 500)) {
			if _, err := c.Write([]byte{b}); err != nil || ctx.Err() != nil {
				break
			}
			time.Sleep(500 * time.Millisecond)
		}
		c.Close()
	}
}

// flood sends bodies of 100 MB where 1 MiB is the most.
func flood(ctx context.Context, url string, n *atomic.Int64) {
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/dag/put", io.LimitReader(zeros{}, 100<<20))
		if err != nil {
			return
		}
		req.Header.Set("X-Api-Key", apiKey)
		req.Header.Set("Content-Type", "application/octet-stream")
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		n.Add(1)
		time.Sleep(50 * time.Millisecond)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
