package launch

import (
	"github.com/InterCooperative-Network/icn-core/api"
	"github.com/InterCooperative-Network/icn-core/api/access"
	"github.com/InterCooperative-Network/icn-core/config"
)

// accessOf is who may use the API, with the further keys read from their file.
func accessOf(c config.Security) (a api.Access, err error) {
	a = api.Access{APIKey: c.APIKey, BearerToken: c.AuthToken, RequireAuth: c.RequireAuth, Origins: c.CORSOrigins, OpenRateLimit: strangersLimit(c.OpenRateLimit)}
	if c.APIKeysPath != "" {
		a.Keys, err = access.Load(c.APIKeysPath)
	}
	return a, err
}

// strangersLimit is the API's number for a setting of which 0 means nobody.
func strangersLimit(perMinute int) int {
	if perMinute == 0 {
		return -1
	}
	return perMinute
}
