package wire

import (
	"fmt"
	"strings"
	"time"
)

// maxSpan is the most milliseconds that a time.Duration holds.
const maxSpan = 1<<63/1_000_000 - 1

// span is a number of milliseconds in words.
func span(ms uint64) string {
	d := time.Duration(min(ms, maxSpan)) * time.Millisecond
	const day = 24 * time.Hour
	switch {
	case d >= day && d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d hours", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return d.String()
}

// RuleWords is a parameter's value with its unit, by the parameter's name.
func RuleWords(name string, value uint64) string {
	switch {
	case strings.HasSuffix(name, "_ms") && value > 0:
		return fmt.Sprintf("%d (%s)", value, span(value))
	case strings.HasSuffix(name, "_permille"):
		return fmt.Sprintf("%d (%s %%)", value, strings.TrimSuffix(fmt.Sprintf("%.1f", float64(value)/10), ".0"))
	case strings.HasSuffix(name, "_bytes") && value >= 1<<20:
		return fmt.Sprintf("%d (%d MiB)", value, value>>20)
	}
	return fmt.Sprint(value)
}
