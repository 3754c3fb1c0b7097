package api_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/api/client"
	"github.com/InterCooperative-Network/icn-core/icn"
)

func TestWrongInputIsNamed(t *testing.T) {
	w := start(t, api.Config{})
	octets := map[string]string{"Content-Type": "application/octet-stream"}
	const post, get = http.MethodPost, http.MethodGet
	absent := icn.SumCID(icn.Raw, []byte("nobody has this")).String()
	hello := `"` + helloCID + `"`
	for name, c := range map[string]struct {
		call
		status   int
		code     string
		location string
	}{
		"unknown path":               {call{method: get, path: "/nothing"}, 404, "not_found", ""},
		"unknown path under prefix":  {call{method: get, path: "/api/v1/nothing"}, 404, "not_found", ""},
		"wrong method":               {call{method: http.MethodPut, path: "/info"}, 405, "invalid", ""},
		"body that is no JSON":       {call{method: post, path: "/dag/meta", body: "{"}, 400, "invalid", "body"},
		"no body":                    {call{method: post, path: "/dag/meta"}, 400, "invalid", ""},
		"missing key":                {call{method: post, path: "/dag/meta", body: "{}"}, 422, "invalid", "body"},
		"unknown field":              {call{method: post, path: "/dag/meta", body: `{"cid":` + hello + `,"colour":1}`}, 422, "invalid", "body.colour"},
		"wrong type":                 {call{method: post, path: "/dag/meta", body: `{"cid":7}`}, 422, "invalid", "body.cid"},
		"not a CID":                  {call{method: post, path: "/dag/meta", body: `{"cid":"x"}`}, 422, "invalid", "body.cid"},
		"CIDv0":                      {call{method: post, path: "/dag/meta", body: `{"cid":"QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG"}`}, 422, "invalid", "body.cid"},
		"list for an object":         {call{method: post, path: "/dag/meta", body: `[]`}, 422, "invalid", "body"},
		"two values":                 {call{method: post, path: "/dag/meta", body: `{"cid":` + hello + `}{}`}, 400, "invalid", "body"},
		"wrong content type":         {call{method: post, path: "/dag/meta", body: `{}`, header: map[string]string{"Content-Type": "text/plain"}}, 415, "invalid", "body"},
		"block that is not here":     {call{method: post, path: "/dag/meta", body: `{"cid":"` + absent + `"}`}, 404, "not_found", ""},
		"get: no JSON":               {call{method: post, path: "/dag/get", body: "hello"}, 422, "invalid", "body"},
		"get: no body":               {call{method: post, path: "/dag/get"}, 400, "invalid", ""},
		"get: missing key":           {call{method: post, path: "/dag/get", body: "{}"}, 422, "invalid", "body.cid"},
		"get: unknown field":         {call{method: post, path: "/dag/get", body: `{"cid":` + hello + `,"x":1}`}, 422, "invalid", "body.x"},
		"get: wrong type":            {call{method: post, path: "/dag/get", body: `{"cid":true}`}, 422, "invalid", "body.cid"},
		"get: bad CID":               {call{method: post, path: "/dag/get", body: `{"cid":"bafkrei"}`}, 422, "invalid", "body.cid"},
		"get: object of another":     {call{method: post, path: "/dag/get", body: `{"cid":{"version":0,"codec":85,"hash_alg":18,"hash_bytes":[1]}}`}, 422, "invalid", "body.cid"},
		"get: two values":            {call{method: post, path: "/dag/get", body: `{"cid":` + hello + `} 1`}, 422, "invalid", "body"},
		"get: absent":                {call{method: post, path: "/dag/get", body: `{"cid":"` + absent + `"}`}, 404, "not_found", ""},
		"get: octets":                {call{method: post, path: "/dag/get", body: helloCID, header: octets}, 415, "invalid", ""},
		"block: bad CID":             {call{method: get, path: "/dag/xyz"}, 400, "invalid", "path.cid"},
		"cat: bad CID":               {call{method: get, path: "/dag/cat/xyz"}, 400, "invalid", "path.cid"},
		"cat: absent":                {call{method: get, path: "/dag/cat/" + absent}, 404, "not_found", ""},
		"export: absent":             {call{method: get, path: "/dag/export/" + absent}, 404, "not_found", ""},
		"ls: a raw block":            {call{method: get, path: "/dag/ls/" + absent}, 404, "not_found", ""},
		"put: form":                  {call{method: post, path: "/dag/put", body: "x=1", header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}, 415, "invalid", ""},
		"put: codec":                 {call{method: post, path: "/dag/put?codec=git", body: "x", header: octets}, 400, "invalid", "query.codec"},
		"put: unknown parameter":     {call{method: post, path: "/dag/put?colour=red", body: "x", header: octets}, 400, "invalid", "query.colour"},
		"put: pin":                   {call{method: post, path: "/dag/put?pin=perhaps", body: "x", header: octets}, 400, "invalid", "query.pin"},
		"put: not that codec":        {call{method: post, path: "/dag/put?codec=dag-cbor", body: "\xff\xff", header: octets}, 400, "invalid", ""},
		"put: missing data":          {call{method: post, path: "/dag/put", body: "{}"}, 422, "invalid", "body.data"},
		"put: not base64":            {call{method: post, path: "/dag/put", body: `{"data":"*"}`}, 422, "invalid", "body.data"},
		"put: number over 255":       {call{method: post, path: "/dag/put", body: `{"data":[1,256]}`}, 422, "invalid", "body.data[1]"},
		"put: negative number":       {call{method: post, path: "/dag/put", body: `{"data":[-1]}`}, 422, "invalid", "body.data[0]"},
		"put: object":                {call{method: post, path: "/dag/put", body: `{"data":{}}`}, 422, "invalid", "body.data"},
		"put: unknown field":         {call{method: post, path: "/dag/put", body: `{"data":"","credential_proof":null}`}, 422, "invalid", "body.credential_proof"},
		"put: a byte too much":       {call{method: post, path: "/dag/put", body: strings.Repeat("x", icn.MaxBlock+1), header: octets}, 413, "invalid", ""},
		"put: JSON, too much":        {call{method: post, path: "/dag/put", body: `{"data":"` + strings.Repeat("AAAA", icn.MaxBlock/3+1) + `"}`}, 413, "invalid", ""},
		"batch: garbage":             {call{method: post, path: "/dag/put/batch", body: "garbage!", header: map[string]string{"Content-Type": "application/vnd.icn.blocks"}}, 400, "invalid", ""},
		"import: garbage":            {call{method: post, path: "/dag/import", body: "garbage!", header: map[string]string{"Content-Type": "application/vnd.ipld.car"}}, 400, "invalid", ""},
		"add: multipart":             {call{method: post, path: "/dag/add", body: "x", header: map[string]string{"Content-Type": "multipart/form-data; boundary=x"}}, 415, "invalid", ""},
		"pin: ttl":                   {call{method: post, path: "/dag/pin", body: `{"cid":` + hello + `,"ttl":"soon"}`}, 422, "invalid", "body.ttl"},
		"pin: negative ttl":          {call{method: post, path: "/dag/pin", body: `{"cid":` + hello + `,"ttl":-1}`}, 422, "invalid", "body.ttl"},
		"statement: garbage":         {call{method: post, path: "/statements", body: "garbage", header: octets}, 400, "invalid", ""},
		"statement: missing":         {call{method: post, path: "/statements", body: "{}"}, 422, "invalid", "body.statement"},
		"statement: too large":       {call{method: post, path: "/statements", body: strings.Repeat("x", icn.MaxStatement+1), header: octets}, 413, "invalid", ""},
		"submit: no module":          {call{method: post, path: "/mesh/submit", body: `{}`}, 422, "invalid", "body.module"},
		"submit: bad input":          {call{method: post, path: "/mesh/submit", body: `{"module":` + hello + `,"inputs":[` + hello + `,"no"]}`}, 422, "invalid", "body.inputs[1]"},
		"submit: negative budget":    {call{method: post, path: "/mesh/submit", body: `{"module":` + hello + `,"budget":-5}`}, 422, "invalid", "body.budget"},
		"submit: fractional budget":  {call{method: post, path: "/mesh/submit", body: `{"module":` + hello + `,"budget":1.5}`}, 422, "invalid", "body.budget"},
		"submit: two budgets":        {call{method: post, path: "/mesh/submit", body: `{"module":` + hello + `,"budget":5,"cost_mana":6}`}, 422, "invalid", "body.cost_mana"},
		"submit: unknown limit":      {call{method: post, path: "/mesh/submit", body: `{"module":` + hello + `,"limits":{"fuel":1}}`}, 422, "invalid", "body.limits.fuel"},
		"submit: echo":               {call{method: post, path: "/mesh/submit", body: `{"manifest_cid":` + hello + `,"spec_json":{"kind":{"Echo":{"words":"x"}}},"cost_mana":50}`}, 422, "invalid", "body.spec_json.kind"},
		"submit: outputs":            {call{method: post, path: "/mesh/submit", body: `{"module":` + hello + `,"outputs":["x","x"]}`}, 400, "invalid", ""},
		"submit: more than there is": {call{method: post, path: "/mesh/submit", body: `{"module":` + hello + `,"budget":100000}`}, 409, "insufficient", ""},
		"job: bad id":                {call{method: get, path: "/mesh/jobs/x"}, 400, "invalid", "path.id"},
		"job: unknown":               {call{method: get, path: "/mesh/jobs/" + absent}, 404, "not_found", ""},
		"job: wait":                  {call{method: get, path: "/mesh/jobs/" + absent + "?wait=long"}, 400, "invalid", "query.wait"},
		"jobs: limit":                {call{method: get, path: "/mesh/jobs?limit=0"}, 422, "invalid", "query.limit"},
		"jobs: unknown parameter":    {call{method: get, path: "/mesh/jobs?colour=red"}, 422, "invalid", "query.colour"},
		"cancel: unknown":            {call{method: post, path: "/mesh/jobs/" + absent + "/cancel"}, 404, "not_found", ""},
		"receipt: unknown":           {call{method: get, path: "/mesh/receipts/" + absent}, 404, "not_found", ""},
		"events: type":               {call{method: get, path: "/events?type=weather"}, 400, "invalid", "query.type"},
		"events: after":              {call{method: get, path: "/events?after=yesterday"}, 400, "invalid", "query.after"},
		"events: tail":               {call{method: get, path: "/events?tail=-1"}, 400, "invalid", "query.tail"},
		"events: author":             {call{method: get, path: "/events?author=me"}, 400, "invalid", "query.author"},
		"events: unknown parameter":  {call{method: get, path: "/events?since=1"}, 400, "invalid", "query.since"},
		"account: not a DID":         {call{method: get, path: "/account/bob/mana"}, 400, "invalid", "path.did"},
		"account: nobody":            {call{method: get, path: "/account/did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp/mana"}, 404, "not_found", ""},
		"log: no number":             {call{method: get, path: "/log/last"}, 422, "invalid", "path.index"},
		"log: zero":                  {call{method: get, path: "/log/0"}, 422, "invalid", "path.index"},
		"log: beyond its end":        {call{method: get, path: "/log/999999"}, 404, "not_found", ""},
		"proof: beyond its end":      {call{method: get, path: "/log/999999/proof?wait=0"}, 404, "not_found", ""},
		"checkpoint: format":         {call{method: get, path: "/checkpoint?format=xml"}, 400, "invalid", "query.format"},
		"member: role":               {call{method: post, path: "/federation/members", body: `{"did":"did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp","role":"king","name":"x"}`}, 422, "invalid", "body.role"},
		"admit: not a DID":           {call{method: post, path: "/federation/admit", body: `{"did":"did:web:example.org"}`}, 422, "invalid", "body.did"},
		"connect: no network":        {call{method: post, path: "/network/connect", body: `{"peer":"/ip4/1.2.3.4/tcp/1"}`}, 503, "unavailable", ""},
		"connect: empty":             {call{method: post, path: "/network/connect", body: `{"peer":""}`}, 422, "invalid", "body.peer"},
		"ping: nobody":               {call{method: post, path: "/network/ping", body: `{"peer":"bob"}`}, 422, "invalid", "body.peer"},
		"propose: nothing":           {call{method: post, path: "/governance/submit", body: `{"description":"x"}`}, 422, "invalid", "body.proposal"},
		"propose: no title":          {call{method: post, path: "/governance/submit", body: `{"proposal":{"type":"GenericText","data":{"text":"x"}}}`}, 422, "invalid", "body.description"},
		"propose: unknown kind":      {call{method: post, path: "/governance/submit", body: `{"description":"x","proposal":{"type":"Coup","data":{}}}`}, 422, "invalid", "body.proposal.type"},
		"propose: value":             {call{method: post, path: "/governance/submit", body: `{"description":"x","proposal":{"type":"SystemParameterChange","data":{"param":"vote_cost","value":"-1"}}}`}, 422, "invalid", "body.proposal.data.value"},
		"propose: unknown data":      {call{method: post, path: "/governance/submit", body: `{"description":"x","proposal":{"type":"GenericText","data":{"words":"x"}}}`}, 422, "invalid", "body.proposal.data.words"},
		"propose: threshold":         {call{method: post, path: "/governance/submit", body: `{"description":"x","threshold":1.5,"proposal":{"type":"GenericText","data":{"text":"x"}}}`}, 422, "invalid", "body.threshold"},
		"propose: nobody":            {call{method: post, path: "/governance/submit", body: `{"description":"x","proposal":{"type":"GenericText","data":{"text":"x"}}}`}, 422, "invalid", "body"},
		"propose: a stranger":        {call{method: post, path: "/governance/submit", body: `{"proposer_did":"did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp","description":"x","proposal":{"type":"GenericText","data":{"text":"x"}}}`}, 403, "denied", ""},
		"vote: no proposal":          {call{method: post, path: "/governance/vote", body: `{"vote_option":"yes"}`}, 422, "invalid", "body.proposal_id"},
		"vote: unknown proposal":     {call{method: post, path: "/governance/vote", body: `{"proposal_id":` + hello + `,"vote_option":"yes"}`}, 404, "not_found", ""},
		"vote: no statement":         {call{method: post, path: "/governance/vote", body: `{"statement":"AAAA"}`}, 422, "invalid", "body.statement"},
		"batch of votes: nothing":    {call{method: post, path: "/governance/vote/batch", body: `[]`}, 400, "invalid", ""},
		"delegate: scope":            {call{method: post, path: "/governance/delegate", body: `{"scope":"everything"}`}, 422, "invalid", "body.scope"},
		"execute: unknown":           {call{method: post, path: "/governance/execute", body: `{"proposal_id":` + hello + `}`}, 404, "not_found", ""},
		"proposals: state":           {call{method: get, path: "/governance/proposals?state=weather"}, 400, "invalid", "query.state"},
		"proposals: kind":            {call{method: get, path: "/governance/proposals?kind=weather"}, 400, "invalid", "query.kind"},
		"proposal: unknown":          {call{method: get, path: "/governance/proposal/" + absent}, 404, "not_found", ""},
		"tally: unknown":             {call{method: get, path: "/governance/proposal/" + absent + "/tally"}, 404, "not_found", ""},
		"ballots: unknown":           {call{method: get, path: "/governance/proposal/" + absent + "/ballots"}, 404, "not_found", ""},
		"ballots: after":             {call{method: get, path: "/governance/proposal/" + absent + "/ballots?after=x"}, 400, "invalid", "query.after"},
		"rehearsal: unknown":         {call{method: get, path: "/governance/proposal/" + absent + "/rehearsal"}, 404, "not_found", ""},
		"vote receipt: unknown":      {call{method: get, path: "/governance/receipts/" + absent}, 404, "not_found", ""},
		"vote export: unknown":       {call{method: get, path: "/governance/proposal/" + absent + "/export"}, 404, "not_found", ""},
		"delegations: nobody":        {call{method: get, path: "/governance/delegations/did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"}, 404, "not_found", ""},
		"join: no network":           {call{method: post, path: "/federation/join", body: `{"peer":"/ip4/1.2.3.4/tcp/1"}`}, 503, "unavailable", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.do(c.call)
			require.Equal(t, c.status, got.status, got.body)
			p := got.problem(t)
			require.Equal(t, c.code, p.Code, got.body)
			require.Less(t, len(got.body), 1000, "an error repeats the input")
			if c.location == "" {
				return
			}
			require.NotEmpty(t, p.Errors, got.body)
			require.Equal(t, c.location, p.Errors[0].Location, got.body)
		})
	}
}

func TestWrongMethodNamesTheRightOne(t *testing.T) {
	w := start(t, api.Config{})
	got := w.do(call{method: http.MethodDelete, path: "/dag/put"})
	require.Equal(t, http.StatusMethodNotAllowed, got.status)
	require.Contains(t, got.header.Get("Allow"), "POST")
}

// counted counts what is read of a body that claims to be large.
type counted struct {
	r io.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestLargeBodyIsRefusedUnread(t *testing.T) {
	w := start(t, api.Config{})
	const size = 100 << 20
	for _, path := range []string{"/dag/put", "/dag/put/batch", "/dag/get", "/dag/meta", "/statements", "/mesh/submit", "/federation/admit"} {
		for _, known := range []bool{true, false} {
			body := &counted{r: io.LimitReader(zeros{}, size)}
			r := httptest.NewRequest(http.MethodPost, path, body)
			r.Header.Set("Content-Type", "application/json")
			switch path {
			case "/dag/put", "/statements":
				r.Header.Set("Content-Type", "application/octet-stream")
			case "/dag/put/batch":
				r.Header.Set("Content-Type", "application/vnd.icn.blocks")
			}
			r.ContentLength = -1
			if known {
				r.ContentLength = size
			}
			rec := record(w.api.Handler(), r)
			if path == "/dag/put/batch" && !known {
				require.Equal(t, http.StatusBadRequest, rec.Code, rec.Body.String()) // the first length is zero
				continue
			}
			require.Equal(t, http.StatusRequestEntityTooLarge, rec.Code, path+rec.Body.String())
			if known {
				require.Zero(t, body.n, "%s read %d bytes of it", path, body.n)
			}
			require.LessOrEqual(t, body.n, 9<<20, path)
		}
	}
}

func TestLargeBodyIsRefusedBeforeItIsSent(t *testing.T) {
	w := start(t, api.Config{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /dag/put HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\nExpect: 100-continue\r\n\r\n")
	require.NoError(t, err)
	answer, err := io.ReadAll(conn) // the server closes
	require.NoError(t, err)
	require.Contains(t, string(answer), "HTTP/1.1 413")
	require.Contains(t, string(answer), "104857600")
}

func TestCutBodyIsNoFaultOfTheNode(t *testing.T) {
	w := start(t, api.Config{})
	for _, path := range []string{"/dag/put", "/dag/meta", "/dag/add"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
		require.NoError(t, err)
		_, err = io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nConnection: close\r\n\r\nshort")
		require.NoError(t, err)
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
		answer, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Contains(t, string(answer), "HTTP/1.1 400", path)
		require.NoError(t, conn.Close())
	}
}

func TestPanicIsAProblemWithoutItsStack(t *testing.T) {
	s, err := api.New(nil, api.Config{})
	require.NoError(t, err)
	for _, r := range []*http.Request{httptest.NewRequest("GET", "/info", nil), httptest.NewRequest("POST", "/dag/put", strings.NewReader("x"))} {
		r.Header.Del("Content-Type")
		rec := record(s.Handler(), r)
		require.Equal(t, http.StatusInternalServerError, rec.Code)
		require.Contains(t, rec.Body.String(), `"code":"internal"`)
		for _, leak := range []string{"goroutine", "nil pointer", ".go:"} {
			require.NotContains(t, rec.Body.String(), leak)
		}
	}
}

func TestErrorsComeBackAsTheirSentinels(t *testing.T) {
	w := start(t, api.Config{Access: api.Access{APIKey: "right", RequireAuth: true}})
	absent := icn.SumCID(icn.Raw, []byte("absent"))
	_, err := w.c.DagGet(ctx, absent)
	require.ErrorIs(t, err, icn.ErrNotFound)
	require.ErrorContains(t, err, absent.String())
	_, err = w.c.StatementSay(ctx, []byte("no"))
	require.ErrorIs(t, err, icn.ErrInvalid)
	_, err = w.c.NetworkConnect(ctx, "/ip4/127.0.0.1/tcp/1")
	require.ErrorIs(t, err, icn.ErrUnavailable)
	_, err = w.c.FederationAdmit(ctx, w.pair.DID(), "myself")
	require.ErrorIs(t, err, icn.ErrConflict)
	stranger, err := client.New(w.url, client.Options{})
	require.NoError(t, err)
	_, err = stranger.Info(ctx)
	require.ErrorIs(t, err, icn.ErrDenied)
	gone, err := client.New("http://127.0.0.1:1", client.Options{})
	require.NoError(t, err)
	_, err = gone.Info(ctx)
	require.ErrorIs(t, err, icn.ErrUnavailable)
	for _, bad := range []string{"", "127.0.0.1:7845", "ftp://x", "http://"} {
		_, err = client.New(bad, client.Options{})
		require.ErrorIs(t, err, icn.ErrInvalid, bad)
	}
}

func TestCorrelationIDComesBackOrIsMade(t *testing.T) {
	w := start(t, api.Config{})
	got := w.do(call{method: http.MethodGet, path: "/livez", header: map[string]string{"X-Correlation-Id": "abc-1"}})
	require.Equal(t, "abc-1", got.header.Get("X-Correlation-Id"))
	made := w.do(call{method: http.MethodGet, path: "/nothing"}).header.Get("X-Correlation-Id")
	require.NotEmpty(t, made)
	unfit := w.do(call{method: http.MethodGet, path: "/livez", header: map[string]string{"X-Correlation-Id": strings.Repeat("x", 200)}})
	require.Less(t, len(unfit.header.Get("X-Correlation-Id")), 20)
}
