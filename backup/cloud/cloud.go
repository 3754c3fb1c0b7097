//go:build !nocloud

package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/s3blob"    // s3://
	"gocloud.dev/gcerrors"

	"github.com/InterCooperative-Network/icn-core/backup"
	"github.com/InterCooperative-Network/icn-core/icn"
)

// open opens the bucket of an address and returns the name within it.
func open(ctx context.Context, address string) (b *blob.Bucket, name string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, "", fmt.Errorf("backup %s: %w: want s3://BUCKET/FOLDER, gs://… or azblob://…", address, icn.ErrInvalid)
	}
	name = strings.Trim(u.Path, "/")
	u.Path = ""
	if b, err = blob.OpenBucket(ctx, u.String()); err != nil {
		return nil, "", explain(address, err)
	}
	return b, name, nil
}

// object is a stream on its way into a bucket.
type object struct {
	backup.Target
	bucket *blob.Bucket
	w      *blob.Writer
	stop   context.CancelFunc
	name   string
}

// NewTarget is one object: the address itself when it ends in .tar.gz, else one
// named by its time in that folder.
func NewTarget(ctx context.Context, address string, made time.Time) (backup.Target, error) {
	b, name, err := open(ctx, address)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(name, ".tar.gz") {
		name = path.Join(name, "backup-"+made.UTC().Format("20060102T150405.000000000Z")+".tar.gz")
	}
	ctx, stop := context.WithCancel(ctx)
	w, err := b.NewWriter(ctx, name, &blob.WriterOptions{ContentType: "application/gzip", BufferSize: 8 << 20, MaxConcurrency: 4})
	if err != nil {
		stop()
		return nil, errors.Join(explain(address, err), b.Close())
	}
	return &object{backup.NewStream(w), b, w, stop, name}, nil
}

// Done implements backup.Target.
func (o *object) Done() error {
	defer o.stop()
	err := o.Target.Done()
	if err != nil {
		return errors.Join(err, o.Abandon())
	}
	if err = o.w.Close(); err != nil {
		err = explain(o.name, err)
	}
	return errors.Join(err, o.bucket.Close())
}

// Abandon implements backup.Target: an upload whose context has ended leaves
// nothing.
func (o *object) Abandon() error {
	o.stop()
	_ = o.w.Close() // it says that it was stopped
	return o.bucket.Close()
}

// stored is a backup in a bucket.
type stored struct {
	ctx           context.Context
	address, name string
}

func (s stored) String() string { return s.address + " " + s.name }

// Each implements backup.Source.
func (s stored) Each(f func(string, []byte) error) error {
	b, _, err := open(s.ctx, s.address)
	if err != nil {
		return err
	}
	defer b.Close()
	r, err := b.NewReader(s.ctx, s.name, nil)
	if err != nil {
		return explain(s.address, err)
	}
	defer r.Close()
	return backup.ReadStream(r, f)
}

// Sources lists the backups at an address, oldest first.
func Sources(ctx context.Context, address string) ([]backup.Source, error) {
	b, name, err := open(ctx, address)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	if strings.HasSuffix(name, ".tar.gz") {
		return []backup.Source{stored{ctx, address, name}}, nil
	}
	prefix := "backup-"
	if name != "" {
		prefix = name + "/backup-"
	}
	var names []string
	for it := b.List(&blob.ListOptions{Prefix: prefix}); ; {
		o, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, explain(address, err)
		}
		if strings.HasSuffix(o.Key, ".tar.gz") {
			names = append(names, o.Key)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("backup %s: %w: there is no backup", address, icn.ErrNotFound)
	}
	slices.Sort(names)
	var out []backup.Source
	for _, n := range names {
		out = append(out, stored{ctx, address, n})
	}
	return out, nil
}

// explain says what was wrong and what to do next.
func explain(address string, err error) error {
	wrap := func(kind error, advice string) error {
		return fmt.Errorf("backup %s: %w: %w; %s", address, kind, err, advice)
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return wrap(icn.ErrNotFound, "check the bucket's name and region")
	case gcerrors.PermissionDenied:
		return wrap(icn.ErrDenied, "check the credentials (AWS_…, GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_…) and what they may do")
	case gcerrors.InvalidArgument:
		return wrap(icn.ErrInvalid, "want s3://BUCKET/FOLDER?region=…, gs://BUCKET/FOLDER or azblob://CONTAINER/FOLDER")
	}
	return wrap(icn.ErrUnavailable, "check the network and the credentials")
}
