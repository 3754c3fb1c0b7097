package cli

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
	"rsc.io/qr"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// quiet zone around a code, in modules (ISO/IEC 18004 asks for 4).
const quietZone = 4

// qrMost is the most characters of a code that cameras still read from a screen:
// version 25 of 40.
const qrMost = 1800

// showQR draws a text as a QR code: two rows of it are a line of half blocks.
func (a *app) showQR(s string) error {
	if len(s) > qrMost {
		return fmt.Errorf("QR code: %w: %d characters are more than a camera reads from a screen (%d); use the file", icn.ErrInvalid, len(s), qrMost)
	}
	c, err := qr.Encode(s, qr.L)
	if err != nil {
		return fmt.Errorf("QR code: %w: %v", icn.ErrInvalid, err)
	}
	f, ok := a.Out.(*os.File)
	for _, l := range qrLines(c, ok && term.IsTerminal(int(f.Fd()))) {
		if _, err := fmt.Fprintln(a.Out, l); err != nil {
			return err
		}
	}
	return nil
}

// qrLines are the code as text. With colours it is black on white whatever the
// terminal's own are; without, light modules are drawn, as for a dark background.
func qrLines(c *qr.Code, colours bool) []string {
	blocks := [4]rune{'█', '▀', '▄', ' '} // nothing, lower, upper, both dark
	if colours {
		blocks = [4]rune{' ', '▄', '▀', '█'}
	}
	var lines []string
	for y := -quietZone; y < c.Size+quietZone; y += 2 {
		var b strings.Builder
		for x := -quietZone; x < c.Size+quietZone; x++ {
			i := 0
			if c.Black(x, y+1) {
				i |= 1
			}
			if c.Black(x, y) {
				i |= 2
			}
			b.WriteRune(blocks[i])
		}
		if colours {
			lines = append(lines, "\x1b[30;107m"+b.String()+"\x1b[0m")
		} else {
			lines = append(lines, b.String())
		}
	}
	return lines
}
