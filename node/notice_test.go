package node

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnOlderReleaseIsToldApart(t *testing.T) {
	for _, c := range []struct {
		is, want string
		older    bool
	}{
		{"1.2.3", "1.2.4", true}, {"1.2.3", "v1.10.0", true}, {"1.2.4", "1.2.4", false}, {"2.0.0", "1.9.9", false},
		{"1.3.0-rc1", "1.3.0", true}, {"dev", "1.3.0", true}, {"dev", "dev", false}, {"1.3.0", "spring", true},
	} {
		require.Equal(t, c.older, older(c.is, c.want), "%s, wanted is %s", c.is, c.want)
	}
}
