package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/gantiny/gantiny/internal/atomicfile"
)

// betweenManifests is the time between two writings of a manifest: what a killed shard has finished
// since is drawn again.
const betweenManifests = time.Second

// Progress is how far a shard is.
type Progress struct {
	Parts, Of int    // finished, and of the shard in all
	Images    int    // drawn by this call
	Kept      int    // parts that were there already, whole
	Again     string // the part's file that was there, damaged, and is drawn again; "" for none
}

// Draw draws the parts of one shard into dir, and returns the path of the shard's manifest. Parts
// that a manifest of the set lists, of any number of shards, and whose files are as it says, are
// kept. So a shard that was killed goes on where it was, on any machine that sees dir. Two workers
// on one shard write the same bytes.
//
// report, if not nil, is called after every part. A file in a part's place that no manifest of the
// set can be the reason of is an error that wraps ErrForeign, and a manifest of another set one
// that wraps ErrManifest.
func (d *Drawer) Draw(ctx context.Context, dir string, shard Shard, report func(Progress)) (string, Progress, error) {
	if err := shard.check(); err != nil {
		return "", Progress{}, err
	}
	path := filepath.Join(dir, d.name.manifest(shard))
	known, err := d.known(dir, shard)
	if err != nil {
		return path, Progress{}, err
	}
	lo, hi := shard.parts(d.set.Parts())
	m := &Manifest{Format: manifestFormat, Set: d.set, Shard: shard.String()}
	if err := m.write(path, known); err != nil { // so that what is written from now on is not foreign
		return path, Progress{}, err
	}
	p := Progress{Of: hi - lo}
	written := time.Now()
	for k := lo; k < hi && err == nil; k++ {
		p.Again = ""
		if err = d.draw(ctx, dir, k, known, &p); err != nil {
			break
		}
		p.Parts++
		if report != nil {
			report(p)
		}
		if time.Since(written) > betweenManifests {
			err = m.write(path, known)
			written = time.Now()
		}
	}
	if werr := m.write(path, known); err == nil {
		err = werr
	}
	if err == nil {
		d.removeDead(dir, path, lo, hi)
	}
	return path, p, err
}

// removeDead removes what killed workers of the shard left half-written.
func (d *Drawer) removeDead(dir, manifest string, lo, hi int) {
	atomicfile.RemoveDead(manifest)
	for k := lo; k < hi; k++ {
		for _, name := range d.name.files(k) {
			atomicfile.RemoveDead(filepath.Join(dir, name))
		}
	}
}

// draw makes sure of part k.
func (d *Drawer) draw(ctx context.Context, dir string, k int, known map[int]Part, p *Progress) error {
	if part, ok := known[k]; ok {
		err := part.verify(ctx, dir, nil)
		switch {
		case err == nil:
			p.Kept++
			return nil
		case !errors.Is(err, ErrParts):
			return err
		}
		delete(known, k)
		p.Again = err.Error()
	}
	part, err := d.WritePart(ctx, dir, k)
	if err != nil {
		return err
	}
	p.Images += part.Images
	known[k] = part
	return nil
}

// known returns the shard's parts that manifests in dir list. Without any manifest the folder holds
// no part of this set, and may hold none of another.
func (d *Drawer) known(dir string, shard Shard) (map[int]Part, error) {
	// In this order: another worker that begins now writes its manifest before its first part.
	present, err := d.present(dir, shard)
	if err != nil {
		return nil, err
	}
	manifests, err := manifestsIn(dir, d.name, &d.set)
	if err != nil {
		return nil, err
	}
	if len(manifests) == 0 && present != "" {
		return nil, fmt.Errorf("%s: %w: remove it, or name the parts otherwise", present, ErrForeign)
	}
	all, err := byNumber(manifests)
	if err != nil {
		return nil, err
	}
	lo, hi := shard.parts(d.set.Parts())
	maps.DeleteFunc(all, func(k int, _ Part) bool { return k < lo || k >= hi })
	return all, nil
}

// present returns the path of the first file in dir that has the name of a part of the shard, "" if
// none has.
func (d *Drawer) present(dir string, shard Shard) (string, error) {
	lo, hi := shard.parts(d.set.Parts())
	for k := lo; k < hi; k++ {
		for _, name := range d.name.files(k) {
			path := filepath.Join(dir, name)
			if _, err := os.Lstat(path); err == nil {
				return path, nil
			} else if !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
		}
	}
	return "", nil
}
