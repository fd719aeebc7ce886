package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Verified is what Verify has found in order.
type Verified struct {
	Set    Set
	Parts  int
	Bytes  int64
	SHA256 string // of all files one after another, part by part: of 'cat digits-*.tar'
}

// mostComplaints is how many parts an error of Verify names at most.
const mostComplaints = 20

// Verify holds the files of a whole set, which lie beside their manifests, against these: every
// part is there once and as it was written. Errors wrap ErrParts or ErrManifest and name the files.
func Verify(ctx context.Context, manifests ...string) (Verified, error) {
	if len(manifests) == 0 {
		return Verified{}, fmt.Errorf("%w: no manifests", ErrManifest)
	}
	read, dirs := map[string]*Manifest{}, map[int]string{}
	var set Set
	for i, path := range manifests {
		m, err := ReadManifest(path)
		if err != nil {
			return Verified{}, err
		}
		if i == 0 {
			set = m.Set
		}
		if err := m.same(path, &set); err != nil {
			return Verified{}, err
		}
		read[path] = m
		for _, p := range m.Parts {
			dirs[p.Part] = filepath.Dir(path)
		}
	}
	parts, err := byNumber(read)
	if err != nil {
		return Verified{}, err
	}
	v := Verified{Set: set, Parts: set.Parts()}
	sum, wrong := sha256.New(), complaints{}
	for k := range v.Parts {
		p, ok := parts[k]
		if !ok {
			wrong.add(fmt.Errorf("part %d: %w: no manifest lists it", k, ErrParts))
			continue
		}
		err := p.verify(ctx, dirs[k], sum)
		if err != nil && !errors.Is(err, ErrParts) {
			return Verified{}, err
		}
		wrong.add(err)
		for _, f := range p.Files {
			v.Bytes += f.Bytes
		}
	}
	v.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return v, wrong.err()
}

// complaints collects errors.
type complaints struct {
	first []error
	n     int
}

func (c *complaints) add(err error) {
	if err == nil {
		return
	}
	if c.n++; len(c.first) < mostComplaints {
		c.first = append(c.first, err)
	}
}

func (c *complaints) err() error {
	if more := c.n - len(c.first); more > 0 {
		c.first = append(c.first, fmt.Errorf("and %d more: %w", more, ErrParts))
	}
	return errors.Join(c.first...)
}

// verify reads a part's files, which are copied to all where that is not nil.
func (p Part) verify(ctx context.Context, dir string, all io.Writer) error {
	for _, f := range p.Files {
		path := filepath.Join(dir, f.Name)
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%s: %w: there is none", path, ErrParts)
		case err != nil:
			return err
		case !info.Mode().IsRegular() || info.Size() != f.Bytes:
			return fmt.Errorf("%s: %w: it has %d bytes, not %d", path, ErrParts, info.Size(), f.Bytes)
		}
		sum, err := sumOf(ctx, path, all)
		if err != nil {
			return err
		}
		if sum != f.SHA256 {
			return fmt.Errorf("%s: %w: its SHA-256 is %s, not %s", path, ErrParts, sum, f.SHA256)
		}
	}
	return nil
}

// sumOf returns a file's SHA-256.
func sumOf(ctx context.Context, path string, all io.Writer) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	to := io.Writer(sum)
	if all != nil {
		to = io.MultiWriter(sum, all)
	}
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return "", context.Cause(ctx)
		}
		n, err := f.Read(buf)
		to.Write(buf[:n])
		if err == io.EOF {
			return hex.EncodeToString(sum.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
}
