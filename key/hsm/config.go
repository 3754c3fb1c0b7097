package hsm

// Config says where a key lies.
type Config struct {
	Module   string // the library of the token's maker
	Token    string // label of the token
	Label    string // label of the key in it
	PIN      string // of the token's user
	Generate bool   // make the key when there is none
}
