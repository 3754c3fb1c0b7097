package launch

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPagesOfTheProgramAreGivenBack(t *testing.T) {
	before := mappedFiles(t)
	forgetProgram()
	require.Less(t, mappedFiles(t), before/2, "kB")
}

// mappedFiles is how much of files this process has resident, in kB.
func mappedFiles(t *testing.T) (kB int) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("this system does not tell what is resident")
	}
	for line := range strings.Lines(string(b)) {
		if n, _ := fmt.Sscanf(line, "RssFile: %d kB", &kB); n == 1 {
			return kB
		}
	}
	t.Skip("this system does not tell what is resident")
	return 0
}
