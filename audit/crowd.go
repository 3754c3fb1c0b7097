package audit

import "time"

// crowd counts refusals by address, so that a flood of them fills no disk.
type crowd struct {
	from  map[string]*visitor
	more  int // refusals of addresses that are not remembered
	since time.Time
}

type visitor struct {
	began time.Time
	lines int
	more  int
	last  Record
}

const (
	crowdLines = 10          // refusals that are written one by one, from each address
	crowdTime  = time.Minute // within this time
	crowdMost  = 1000        // addresses that are remembered
)

// alone says whether a refusal gets a line of its own.
func (c *crowd) alone(r Record, now time.Time) bool {
	if c.from == nil {
		c.from = map[string]*visitor{}
	}
	v := c.from[r.From]
	if v == nil {
		if len(c.from) >= crowdMost {
			if c.more == 0 {
				c.since = now
			}
			c.more++
			return false
		}
		v = &visitor{began: now}
		c.from[r.From] = v
	}
	v.lines++
	if v.lines <= crowdLines {
		return true
	}
	v.more++
	v.last = r
	return false
}

// over forgets those whose minute is over, and returns what is left to write.
func (c *crowd) over(now time.Time) (out []Record) {
	for from, v := range c.from {
		if now.Sub(v.began) < crowdTime {
			continue
		}
		delete(c.from, from)
		if v.more > 0 {
			r := v.last
			r.Times, r.Correlation = v.more, ""
			r.Detail = "as often as this since the lines before; the last: " + r.Detail
			out = append(out, r)
		}
	}
	if c.more > 0 && now.Sub(c.since) >= crowdTime {
		out = append(out, Record{Event: Refused, Times: c.more, Detail: "from many other addresses"})
		c.more = 0
	}
	return out
}
