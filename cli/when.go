package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/InterCooperative-Network/icn-core/icn"
)

// howFar is how far a moment is, as people say it: in 3 days, 20 minutes ago.
func howFar(t icn.Time, now time.Time) string {
	d := time.UnixMilli(int64(t)).Sub(now)
	switch {
	case d >= time.Second:
		return "in " + roughly(d)
	case d <= -time.Second:
		return roughly(-d) + " ago"
	}
	return "now"
}

// roughly is a duration in its largest unit, rounded.
func roughly(d time.Duration) string {
	for _, u := range []struct {
		d    time.Duration
		most time.Duration // in smaller units up to here
		name string
	}{{24 * time.Hour, 48 * time.Hour, "day"}, {time.Hour, 2 * time.Hour, "hour"}, {time.Minute, 2 * time.Minute, "minute"}} {
		if d >= u.most-u.d/2 {
			return plural(int((d+u.d/2)/u.d), u.name)
		}
	}
	return plural(int((d+time.Second/2)/time.Second), "second")
}

// deadline is a moment in local time and how far it is.
func deadline(t icn.Time, now time.Time) string {
	if t == 0 {
		return ""
	}
	return time.UnixMilli(int64(t)).Format("Mon 2 Jan 2006 15:04:05") + ", " + howFar(t, now)
}

// readMoment reads what people write for a moment: a date, a date and time, or how far
// it is from now (72h, 3d).
func readMoment(s string, now time.Time) (icn.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return icn.Time(t.UnixMilli()), nil
		}
	}
	if t, err := time.ParseInLocation(time.DateOnly, s, now.Location()); err == nil {
		return icn.Time(t.AddDate(0, 0, 1).UnixMilli() - 1), nil // the day's end
	}
	if d, err := readLapse(s); err == nil && d > 0 {
		return icn.Time(now.Add(d).UnixMilli()), nil
	}
	return 0, fmt.Errorf("%q: %w: want a date (2026-03-31), a moment (2026-03-31 18:00) or a time from now (72h, 3d)", s, icn.ErrInvalid)
}

// readLapse reads a duration, with days: 90m, 72h, 14d.
func readLapse(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n float64
		if _, err := fmt.Sscanf(days+"!", "%f!", &n); err == nil && n >= 0 && n < 100_000 {
			return time.Duration(n * float64(24*time.Hour)), nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q: %w: want a duration such as 90m, 72h or 14d", s, icn.ErrInvalid)
	}
	return d, nil
}
