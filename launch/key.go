package launch

import (
	"errors"
	"fmt"

	"github.com/InterCooperative-Network/icn-core/config"
	"github.com/InterCooperative-Network/icn-core/icn"
	"github.com/InterCooperative-Network/icn-core/key"
	"github.com/InterCooperative-Network/icn-core/key/hsm"
)

// nodeKey reads the node's key, or makes it on the first start.
func (r *Running) nodeKey(o Options) (key.Pair, error) {
	c := r.cfg.Identity
	switch {
	case c.PKCS11Module != "":
		var err error
		if r.token, err = openToken(c, c.GenerateNewKey); err != nil {
			return key.Pair{}, err
		}
		return r.token.Pair(func(err error) { r.end(fmt.Errorf("node key: %w", err)) }), nil
	case c.KeyPath == "":
		return key.Generate()
	case o.OtherKey:
		return key.LoadSealed(key.Next(c.KeyPath), c.Passphrase)
	case !c.GenerateNewKey:
		pair, err := key.LoadSealed(c.KeyPath, c.Passphrase)
		if errors.Is(err, icn.ErrNotFound) {
			return pair, fmt.Errorf("%w; put it there, or set identity.generate_new_key", err)
		}
		return pair, err
	}
	pair, made, err := key.LoadOrCreate(c.KeyPath, c.Passphrase)
	if made {
		r.log.Info("made this node's key; keep a copy of it in a safe place", "file", c.KeyPath, "did", pair.DID())
	}
	return pair, err
}

func openToken(c config.Identity, generate bool) (*hsm.Key, error) {
	return hsm.Open(hsm.Config{Module: c.PKCS11Module, Token: c.PKCS11Token, Label: c.PKCS11Label, PIN: c.PKCS11PIN, Generate: generate})
}

// keyAtRest is the key of a node that does not run; close it after use.
func keyAtRest(c config.Identity) (pair key.Pair, end func() error, err error) {
	end = func() error { return nil }
	if c.PKCS11Module == "" {
		pair, err = key.LoadSealed(c.KeyPath, c.Passphrase)
		return pair, end, err
	}
	t, err := openToken(c, false)
	if err != nil {
		return pair, end, err
	}
	return t.Pair(func(error) {}), t.Close, nil // what the token does not sign is noticed when it is checked
}
