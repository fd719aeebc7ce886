package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/internal/atomicfile"
)

// Manifest lists the finished parts of a shard.
type Manifest struct {
	Format int    `json:"gantiny_manifest"` // manifestFormat
	Set    Set    `json:"set"`
	Shard  string `json:"shard"` // 2/8
	Parts  []Part `json:"parts"` // in order
}

const (
	manifestFormat   = 1
	maxManifestBytes = 1 << 29
)

// ReadManifest reads a manifest, of which it believes nothing that the set does not allow: parts
// have the numbers, pictures and file names of the set. Errors wrap ErrManifest.
func ReadManifest(path string) (*Manifest, error) {
	bad := func(err error) (*Manifest, error) { return nil, fmt.Errorf("%s: %w: %w", path, ErrManifest, err) }
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // to open a pipe could wait for ever
		return bad(errors.New("is no file"))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxManifestBytes+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxManifestBytes {
		return bad(fmt.Errorf("more than %d bytes", maxManifestBytes))
	}
	m := &Manifest{}
	if err := json.Unmarshal(b, m); err != nil {
		return bad(err)
	}
	if err := m.check(); err != nil {
		return bad(err)
	}
	return m, nil
}

func (m *Manifest) check() error {
	if m.Format != manifestFormat {
		return fmt.Errorf("of form %d, this program reads %d", m.Format, manifestFormat)
	}
	if err := m.Set.check(); err != nil {
		return err
	}
	n, err := parseName(m.Set.Name)
	if err != nil {
		return err
	}
	last := -1
	for _, p := range m.Parts {
		if p.Part <= last || p.Part >= m.Set.Parts() {
			return fmt.Errorf("part %d after part %d of %d", p.Part, last, m.Set.Parts())
		}
		last = p.Part
		first, end := m.Set.Range(p.Part)
		var names []string
		for _, f := range p.Files {
			names = append(names, f.Name)
		}
		if want := n.files(p.Part); p.First != first || p.Images != end-first || !slices.Equal(names, want) {
			return fmt.Errorf("part %d: %d pictures from %d on in %q, want %d from %d on in %q", p.Part, p.Images, p.First, names, end-first, first, want)
		}
	}
	return nil
}

// byNumber returns the parts of some manifests. Those of a part in several have to agree.
func byNumber(manifests map[string]*Manifest) (map[int]Part, error) {
	parts, from := map[int]Part{}, map[int]string{}
	for path, m := range manifests {
		for _, p := range m.Parts {
			if other, ok := parts[p.Part]; ok && !reflect.DeepEqual(other, p) {
				return nil, fmt.Errorf("%w: %s and %s tell of part %d differently", ErrManifest, from[p.Part], path, p.Part)
			}
			parts[p.Part], from[p.Part] = p, path
		}
	}
	return parts, nil
}

// same reports where a manifest's set is not the one wanted.
func (m *Manifest) same(path string, want *Set) error {
	if reflect.DeepEqual(m.Set, *want) {
		return nil
	}
	have, wanted := reflect.ValueOf(m.Set), reflect.ValueOf(*want)
	for i := range have.NumField() {
		if a, b := have.Field(i).Interface(), wanted.Field(i).Interface(); !reflect.DeepEqual(a, b) {
			field, _, _ := strings.Cut(have.Type().Field(i).Tag.Get("json"), ",")
			return fmt.Errorf("%s: %w: it is of another set, with %s %v, not %v", path, ErrManifest, field, a, b)
		}
	}
	return nil
}

// manifestsIn reads the manifests of a set in a folder, by path.
func manifestsIn(dir string, n name, set *Set) (map[string]*Manifest, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	found := map[string]*Manifest{}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), n.manifestPrefix()) || !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		m, err := ReadManifest(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // replaced this moment
		}
		if err == nil {
			err = m.same(path, set)
		}
		if err != nil {
			return nil, err
		}
		found[path] = m
	}
	return found, nil
}

// write makes the parts, and those that another worker of the shard has recorded meanwhile, a
// manifest.
func (m *Manifest) write(path string, parts map[int]Part) error {
	if there, err := ReadManifest(path); err == nil && there.same(path, &m.Set) == nil {
		for _, p := range there.Parts {
			if _, ok := parts[p.Part]; !ok {
				parts[p.Part] = p
			}
		}
	}
	m.Parts = inOrder(maps.Values(parts))
	return m.replace(path)
}

func inOrder(parts iter.Seq[Part]) []Part {
	return slices.SortedFunc(parts, func(a, b Part) int { return a.Part - b.Part })
}

// replace writes the manifest to a file.
func (m *Manifest) replace(path string) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(m)
	})
}

// WriteManifest writes the manifest of the whole set into dir, given all of its parts, and returns
// its path: for programs that call WritePart and keep account of the parts themselves.
func (d *Drawer) WriteManifest(dir string, parts []Part) (string, error) {
	path := filepath.Join(dir, d.name.manifest(Shard{1, 1}))
	m := &Manifest{Format: manifestFormat, Set: d.set, Shard: Shard{1, 1}.String()}
	m.Parts = inOrder(slices.Values(parts))
	err := m.check()
	if err == nil && len(parts) != d.set.Parts() {
		err = fmt.Errorf("%d parts of %d", len(parts), d.set.Parts())
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w: %w", path, ErrManifest, err)
	}
	return path, m.replace(path)
}
