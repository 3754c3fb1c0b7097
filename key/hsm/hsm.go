//go:build pkcs11

// Package hsm is for a node whose key lies in hardware, or in whatever else speaks
// PKCS #11. It needs cgo:
//
//	CGO_ENABLED=1 go build -tags pkcs11 ./cmd/icn-node
//
// The invariant: the secret never leaves the token; this process knows the PIN and
// the public key. A signature that the token refuses is tried once more in a new
// session, and then told as an error.
//
// It makes a key when told to, and never removes one.
//
//	k, err := hsm.Open(hsm.Config{Module: "/usr/lib/softhsm/libsofthsm2.so", Token: "icn", Label: "node", PIN: pin})
//	pair := k.Pair(func(err error) { ... })
package hsm

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"fmt"
	"sync"

	"github.com/miekg/pkcs11"

	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
)

// Of PKCS #11 version 3.0, which the library does not name.
const (
	keyTypeEdwards = 0x40
	makeEdwards    = 0x1055
	signEdwards    = 0x1057
)

// curves are the two ways to say Ed25519: by its object identifier and by its name.
var curves = [][]byte{
	{0x06, 0x03, 0x2b, 0x65, 0x70},
	append([]byte{0x13, 0x0c}, "edwards25519"...),
}

// Key is a key in a token.
type Key struct {
	cfg    Config
	module *pkcs11.Ctx
	public [32]byte

	mu      sync.Mutex
	session pkcs11.SessionHandle
	private pkcs11.ObjectHandle
	open    bool
}

// Open finds the key, or makes it when that is wanted and there is none.
func Open(c Config) (*Key, error) {
	m := pkcs11.New(c.Module)
	if m == nil {
		return nil, fmt.Errorf("PKCS #11 module %s: %w: it cannot be loaded; check identity.pkcs11_module", c.Module, icn.ErrNotFound)
	}
	if err := m.Initialize(); err != nil && !is(err, pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED) {
		m.Destroy()
		return nil, fmt.Errorf("PKCS #11 module %s: %w: %v", c.Module, icn.ErrUnavailable, err)
	}
	k := &Key{cfg: c, module: m}
	if err := k.connect(); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

// connect opens a session and finds the key; k.mu need not be held before anybody
// else has k.
func (k *Key) connect() error {
	if k.cfg.PIN == "" {
		return fmt.Errorf("token %s: %w: wrong PIN: none is given; set identity.pkcs11_pin, or ICN_PKCS11_PIN or ICN_PKCS11_PIN_FILE", k.cfg.Token, icn.ErrDenied)
	}
	slot, err := k.slot()
	if err != nil {
		return err
	}
	if k.session, err = k.module.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION); err != nil {
		return fmt.Errorf("token %s: %w: %v", k.cfg.Token, icn.ErrUnavailable, err)
	}
	k.open = true
	switch err := k.module.Login(k.session, pkcs11.CKU_USER, k.cfg.PIN); {
	case is(err, pkcs11.CKR_PIN_INCORRECT), is(err, pkcs11.CKR_PIN_LEN_RANGE), is(err, pkcs11.CKR_PIN_INVALID):
		return fmt.Errorf("token %s: %w: wrong PIN; check identity.pkcs11_pin (a token locks after a few of them)", k.cfg.Token, icn.ErrDenied)
	case is(err, pkcs11.CKR_PIN_LOCKED):
		return fmt.Errorf("token %s: %w: its PIN is locked; unlock it with the token's own tool", k.cfg.Token, icn.ErrDenied)
	case err != nil && !is(err, pkcs11.CKR_USER_ALREADY_LOGGED_IN):
		return fmt.Errorf("token %s: %w: %v", k.cfg.Token, icn.ErrUnavailable, err)
	}
	return k.find()
}

// slot is where the token is.
func (k *Key) slot() (uint, error) {
	slots, err := k.module.GetSlotList(true)
	if err != nil {
		return 0, fmt.Errorf("PKCS #11: %w: %v", icn.ErrUnavailable, err)
	}
	var names []string
	for _, s := range slots {
		info, err := k.module.GetTokenInfo(s)
		if err != nil {
			continue
		}
		if info.Label == k.cfg.Token {
			return s, nil
		}
		if info.Label != "" {
			names = append(names, info.Label)
		}
	}
	return 0, fmt.Errorf("token %s: %w: it is not there; there are %q; check identity.pkcs11_token", k.cfg.Token, icn.ErrNotFound, names)
}

// find looks for the key by its label, and makes it if that is wanted.
func (k *Key) find() error {
	private, err := k.objects(pkcs11.CKO_PRIVATE_KEY)
	if err != nil {
		return err
	}
	public, err := k.objects(pkcs11.CKO_PUBLIC_KEY)
	if err != nil {
		return err
	}
	switch {
	case len(private) > 1 || len(public) > 1:
		return fmt.Errorf("token %s: %w: it has %d keys with the label %s; give one of them another", k.cfg.Token, icn.ErrConflict, max(len(private), len(public)), k.cfg.Label)
	case len(private) == 1 && len(public) == 1:
		k.private = private[0]
		return k.read(public[0])
	case len(private)+len(public) > 0:
		return fmt.Errorf("token %s: %w: half of the key with the label %s is missing", k.cfg.Token, icn.ErrCorrupt, k.cfg.Label)
	case !k.cfg.Generate:
		return fmt.Errorf("token %s: %w: it has no Ed25519 key with the label %s; put it there, or set identity.generate_new_key", k.cfg.Token, icn.ErrNotFound, k.cfg.Label)
	}
	pub, priv, err := k.generate()
	if err != nil {
		return fmt.Errorf("token %s: %w: it makes no Ed25519 key: %v", k.cfg.Token, icn.ErrUnavailable, err)
	}
	k.private = priv
	return k.read(pub)
}

func (k *Key) objects(class uint) ([]pkcs11.ObjectHandle, error) {
	err := k.module.FindObjectsInit(k.session, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, class), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, keyTypeEdwards), pkcs11.NewAttribute(pkcs11.CKA_LABEL, k.cfg.Label)})
	if err != nil {
		return nil, fmt.Errorf("token %s: %w: %v", k.cfg.Token, icn.ErrUnavailable, err)
	}
	found, _, err := k.module.FindObjects(k.session, 8)
	if err = errors.Join(err, k.module.FindObjectsFinal(k.session)); err != nil {
		return nil, fmt.Errorf("token %s: %w: %v", k.cfg.Token, icn.ErrUnavailable, err)
	}
	return found, nil
}

func (k *Key) generate() (public, private pkcs11.ObjectHandle, err error) {
	for _, curve := range curves {
		public, private, err = k.module.GenerateKeyPair(k.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(makeEdwards, nil)},
			[]*pkcs11.Attribute{
				pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, keyTypeEdwards), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true),
				pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, curve), pkcs11.NewAttribute(pkcs11.CKA_LABEL, k.cfg.Label),
			}, []*pkcs11.Attribute{
				pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, keyTypeEdwards), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_SIGN, true),
				pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true), pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
				pkcs11.NewAttribute(pkcs11.CKA_LABEL, k.cfg.Label),
			})
		if err == nil {
			return public, private, nil
		}
	}
	return 0, 0, err
}

// read takes the public key out of the token: as it is, or in an octet string. A
// key that was found again must be the same.
func (k *Key) read(public pkcs11.ObjectHandle) error {
	attrs, err := k.module.GetAttributeValue(k.session, public, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, nil)})
	if err != nil || len(attrs) != 1 {
		return fmt.Errorf("token %s: %w: the public key of %s cannot be read: %v", k.cfg.Token, icn.ErrUnavailable, k.cfg.Label, err)
	}
	point := attrs[0].Value
	if len(point) != 32 {
		var inner []byte
		if rest, err := asn1.Unmarshal(point, &inner); err == nil && len(rest) == 0 {
			point = inner
		}
	}
	if len(point) != 32 {
		return fmt.Errorf("token %s: %w: %s is no Ed25519 key", k.cfg.Token, icn.ErrInvalid, k.cfg.Label)
	}
	if k.public != [32]byte{} && !bytes.Equal(k.public[:], point) {
		return fmt.Errorf("token %s: %w: %s is another key than before", k.cfg.Token, icn.ErrConflict, k.cfg.Label)
	}
	k.public = [32]byte(point)
	return nil
}

// Pair is the key as the node uses it.
func (k *Key) Pair(failed func(error)) key.Pair {
	return key.Held(k.public, k.Sign, failed)
}

// Sign signs in the token, with a second try in a new session.
func (k *Key) Sign(msg []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.module == nil {
		return nil, fmt.Errorf("token %s: %w: it is closed", k.cfg.Token, icn.ErrUnavailable)
	}
	sig, err := k.sign(msg)
	if err == nil {
		return sig, nil
	}
	k.disconnect()
	if cerr := k.connect(); cerr != nil {
		return nil, fmt.Errorf("token %s: %w: it does not sign: %v; then: %w", k.cfg.Token, icn.ErrUnavailable, err, cerr)
	}
	if sig, err = k.sign(msg); err != nil {
		return nil, fmt.Errorf("token %s: %w: it does not sign: %v", k.cfg.Token, icn.ErrUnavailable, err)
	}
	return sig, nil
}

func (k *Key) sign(msg []byte) ([]byte, error) {
	if !k.open {
		return nil, errors.New("there is no session")
	}
	if err := k.module.SignInit(k.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(signEdwards, nil)}, k.private); err != nil {
		return nil, err
	}
	if len(msg) == 0 {
		return nil, errors.New("nothing to sign") // C_Sign of no bytes is undefined
	}
	return k.module.Sign(k.session, msg)
}

func (k *Key) disconnect() {
	if k.open {
		_ = k.module.CloseSession(k.session) // it may be gone with its token
		k.open = false
	}
}

// Close ends the session.
func (k *Key) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.module == nil {
		return nil
	}
	k.disconnect()
	err := k.module.Finalize()
	k.module.Destroy()
	k.module = nil
	if err != nil {
		return fmt.Errorf("PKCS #11: %w", err)
	}
	return nil
}

func is(err error, code pkcs11.Error) bool {
	var e pkcs11.Error
	return errors.As(err, &e) && e == code
}
