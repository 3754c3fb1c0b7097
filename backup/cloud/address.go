// Package cloud keeps backups in object stores: Amazon S3 and what speaks like it
// (s3://), Google Cloud Storage (gs://) and Azure Blob Storage (azblob://).
//
// The invariant: an object is there whole or not at all; what was abandoned leaves
// none.
//
// Credentials come from where each vendor's tools take them (environment, files,
// the machine's role). It is a package of its own because the vendors' libraries
// are large: icn-cli links it, icn-node does not, and a build with -tags nocloud
// leaves them out.
//
//	to, err := cloud.NewTarget(ctx, "s3://coop-backups/node-a", time.Now())
//	m, err := backup.Make(ctx, from, to)
//	all, err := cloud.Sources(ctx, "s3://coop-backups/node-a")
package cloud

import "strings"

// IsURL says whether a target or source is one of this package's.
func IsURL(s string) bool {
	for _, scheme := range []string{"s3://", "gs://", "azblob://"} {
		if strings.HasPrefix(s, scheme) {
			return true
		}
	}
	return false
}
