package node

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strings"
)

// NewCode makes a join code, in groups that people can read to each other.
func NewCode() (string, error) {
	b := make([]byte, 15)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("join code: %w", err)
	}
	plain := base32.StdEncoding.EncodeToString(b)
	var parts []string
	for i := 0; i < len(plain); i += 6 {
		parts = append(parts, plain[i:i+6])
	}
	return strings.Join(parts, "-"), nil
}

// CodeBytes are what a join code stands for in a statement. It undoes what people do
// to codes when they copy them.
func CodeBytes(code string) []byte {
	return []byte(strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(strings.TrimSpace(code))))
}
