package wire

// Check is one thing that a node looks at again and again, so that its operator need
// not.
type Check struct {
	Name  string     `json:"name" doc:"One word; the same in /ready and in the metrics."`
	State CheckState `json:"state" enum:"ok,advice,alarm,failed"`
	Says  string     `json:"says" doc:"What was found."`
	Do    string     `json:"do,omitempty" doc:"What to do about it."`
}

// CheckState says how much a check is for the operator to look at.
type CheckState string

// The states, the worst last.
const (
	CheckOK     CheckState = "ok"
	CheckAdvice CheckState = "advice" // it works; it could be safer
	CheckAlarm  CheckState = "alarm"  // the node serves, and somebody should look
	CheckFailed CheckState = "failed" // the node cannot do its work; /ready says so
)

// Bad says whether somebody should look now.
func (s CheckState) Bad() bool { return s == CheckAlarm || s == CheckFailed }

// Checks are all of a node's.
type Checks struct {
	Checks []Check `json:"checks"`
}
