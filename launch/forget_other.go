//go:build !linux

package launch

// forgetProgram does nothing: this system does not tell what is mapped.
func forgetProgram() {}
