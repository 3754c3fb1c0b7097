package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdCertificate writes NAME.crt and NAME.key for loopback.
func cmdCertificate(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 1)
	ts.Check(makeCertificate(ts.MkAbs(args[0]), args[0]))
}

// makeCertificate writes BASE.crt and BASE.key for loopback, a certificate that
// vouches for itself.
func makeCertificate(base, name string) error {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(127, 0, 3, 1), net.IPv4(127, 0, 3, 2), net.IPv4(127, 0, 3, 3)},
		DNSNames: []string{"localhost", "icn.internal"}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return err
	}
	certificate, private := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	return errors.Join(os.WriteFile(base+".crt", certificate, 0o600), os.WriteFile(base+".key", private, 0o600))
}

// cmdPlain asks a node's port without TLS: plain NAME PATH STATUS.
func cmdPlain(ts *testscript.TestScript, neg bool, args []string) {
	plain(ts, neg, args, 3)
	url := strings.Replace(field(ts, args[0], "API "), "https://", "http://", 1)
	r, err := http.Get(url + args[1])
	ts.Check(err)
	defer r.Body.Close()
	b, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	ts.Check(err)
	if !strings.HasPrefix(r.Status, args[2]) {
		ts.Fatalf("GET %s%s: %s %s, want %s", url, args[1], r.Status, b, args[2])
	}
}
