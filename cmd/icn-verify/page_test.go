//go:build !js

package main

import (
	"bytes"
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/proof"
)

// browser is a page of Chromium.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium-headless-shell", "chromium"} {
		if p, err := exec.LookPath(name); path == "" && err == nil {
			path = p
		}
	}
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("no Chromium here to open the page with; scripts/servers.sh installs it")
		}
		t.Skip("no Chromium here to open the page with")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // as root it has none
	}
	ctx, end := chromedp.NewExecAllocator(context.Background(), options...) // t.Context ends too early to wait for it
	t.Cleanup(end)
	ctx, _ = chromedp.NewContext(ctx)
	t.Cleanup(func() { require.NoError(t, chromedp.Cancel(ctx)) }) // and waits for its end
	return ctx
}

// The page is built, and opened in a browser: its policy lets it fetch nothing, and it
// works with the network off.
func TestThePageSaysTheSame(t *testing.T) {
	if testing.Short() {
		t.Skip("builds for another platform, and starts a browser")
	}
	ctx := browser(t)
	page := filepath.Join(t.TempDir(), "page.html")
	said, err := exec.Command(filepath.Join("..", "..", "scripts", "verify-page.sh"), page).CombinedOutput()
	require.NoError(t, err, string(said))
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	require.NotContains(t, string(html), "src=", "everything is inside")

	file, id, contrary := voted(t)
	// open is what a reader sees who chooses the files, the checked one last.
	open := func(file []byte, network string, notes ...string) (state, class, text string) {
		actions := []chromedp.Action{
			chromedp.Navigate((&url.URL{Scheme: "file", Path: page}).String()),
			chromedp.WaitEnabled("#file", chromedp.ByQuery),
			chromedp.SendKeys("#network", network, chromedp.ByQuery),
		}
		for _, n := range notes {
			actions = append(actions, chromedp.SetUploadFiles("#notes", []string{write(t, "note", []byte(n))}, chromedp.ByQuery))
		}
		actions = append(actions,
			chromedp.SetUploadFiles("#file", []string{write(t, "vote", file)}, chromedp.ByQuery),
			chromedp.WaitVisible("#result", chromedp.ByQuery),
			chromedp.TextContent("#state", &state, chromedp.ByQuery),
			chromedp.TextContent("#result", &text, chromedp.ByQuery),
			chromedp.AttributeValue("#result", "class", &class, nil, chromedp.ByQuery))
		require.NoError(t, chromedp.Run(ctx, actions...))
		return state, class, text
	}
	var refused string // by what, where the page wants to fetch something
	require.NoError(t, chromedp.Run(ctx, chromedp.Navigate((&url.URL{Scheme: "file", Path: page}).String()),
		chromedp.Evaluate(`new Promise(done => {
			document.addEventListener("securitypolicyviolation", e => done(e.effectiveDirective));
			fetch("http://127.0.0.1:1/").then(() => done("reached"), () => setTimeout(() => done("by something else"), 2000));
		})`, &refused, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) })))
	require.Equal(t, "connect-src", refused)
	require.NoError(t, chromedp.Run(ctx, network.Enable(), network.EmulateNetworkConditions(true, 0, 0, 0)))

	var want strings.Builder
	proof.Check(file, proof.Expect{}).WriteText(&want)
	state, class, text := open(file, " "+id.String()+" ")
	require.Equal(t, "The file holds.", state)
	require.Equal(t, "holds", class)
	require.Equal(t, want.String(), text)

	forged := bytes.Clone(file)
	forged[len(forged)-40] ^= 1
	state, class, _ = open(forged, "")
	require.Equal(t, "The file does not hold.", state)
	require.Equal(t, "wrong", class)
	_, _, text = open(file, "", contrary)
	require.Contains(t, text, "two checkpoints of 6 entries")
	state, _, _ = open(file, "bafy")
	require.Equal(t, "The file does not hold.", state)
}
