package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/zoo/digits"
)

// some is a set of 7 parts, the last of them smaller.
func some(name string) Set {
	return Set{Name: name, Count: 26, PartImages: 4, Seed: 7, Class: -1, Truncation: 1}
}

func drawer(t testing.TB, s Set) *Drawer {
	t.Helper()
	m, err := digits.Model()
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDrawer(m, s, model.Options{Batch: 3, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// drawAll draws a set in n shards, and returns what Verify says of it.
func drawAll(t *testing.T, d *Drawer, dir string, n int) Verified {
	t.Helper()
	var manifests []string
	for i := range n {
		m, p, err := d.Draw(t.Context(), dir, Shard{i + 1, n}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if p.Parts != p.Of || p.Kept != 0 {
			t.Errorf("shard %d of %d: %+v", i+1, n, p)
		}
		manifests = append(manifests, m)
	}
	v, err := Verify(t.Context(), manifests...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func contents(t *testing.T, dir, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return string(all)
}

// TestShards: the files are the same bytes for any number of shards, more than there are parts
// among them.
func TestShards(t *testing.T) {
	for _, name := range []string{"d-%02d.tar", "d-%02d.npy", "d-%02d-images-idx3-ubyte", "d-%02d-images-idx3-ubyte.gz"} {
		d := drawer(t, some(name))
		dir := t.TempDir()
		want := drawAll(t, d, dir, 1)
		for _, n := range []int{3, 8} {
			other := t.TempDir()
			if got := drawAll(t, d, other, n); got.SHA256 != want.SHA256 || got.Bytes != want.Bytes {
				t.Errorf("%s: %d shards: %+v, want %+v", name, n, got, want)
			}
			if contents(t, dir, "d-??*") == "" || contents(t, dir, "d-[0-9]*") != contents(t, other, "d-[0-9]*") {
				t.Errorf("%s: %d shards: other files", name, n)
			}
		}
	}
}

// TestSharesOfParts: every part is in one shard.
func TestSharesOfParts(t *testing.T) {
	for _, parts := range []int{1, 7, 8, maxParts} {
		for _, n := range []int{1, 3, 8, 1000, maxShards} {
			next := 0
			for i := range n {
				lo, hi := Shard{i + 1, n}.parts(parts)
				if lo != next || hi < lo {
					t.Fatalf("%d parts: shard %d of %d is [%d, %d) after %d", parts, i+1, n, lo, hi, next)
				}
				next = hi
			}
			if next != parts {
				t.Errorf("%d parts in %d shards: the last ends at %d", parts, n, next)
			}
		}
	}
}

// TestResume: parts that are there and whole are kept, also those of another number of shards; what
// is cut, changed or gone is drawn again.
func TestResume(t *testing.T) {
	d := drawer(t, some("d-%02d.tar"))
	dir := t.TempDir()
	want := drawAll(t, d, dir, 3)
	at := func(k int) string { return filepath.Join(dir, d.name.files(k)[0]) }
	cut, err := os.ReadFile(at(2))
	if err != nil {
		t.Fatal(err)
	}
	changed := slices.Clone(cut)
	changed[len(changed)/2] ^= 1
	for _, err := range []error{os.WriteFile(at(2), cut[:len(cut)-1], 0o666), os.WriteFile(at(3), changed, 0o666), os.Remove(at(6))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	first := filepath.Join(dir, "d-manifest-1-of-3.json")
	_, err = Verify(t.Context(), first, filepath.Join(dir, "d-manifest-2-of-3.json"), filepath.Join(dir, "d-manifest-3-of-3.json"))
	if !errors.Is(err, ErrParts) {
		t.Fatal(err)
	}
	for _, says := range []string{"d-02.tar", fmt.Sprint(len(cut)-1, " bytes"), "d-03.tar", "SHA-256", "d-06.tar", "there is none"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q does not say %s", err, says)
		}
	}
	if _, err := Verify(t.Context(), first); !errors.Is(err, ErrParts) || !strings.Contains(err.Error(), "part 3") {
		t.Error(err)
	}
	var again []string
	m, p, err := d.Draw(t.Context(), dir, Shard{1, 1}, func(p Progress) {
		if p.Again != "" {
			again = append(again, p.Again)
		}
	})
	if err != nil || p.Kept != 4 || p.Parts != 7 || p.Images != 4+4+2 || len(again) != 3 {
		t.Errorf("%+v, %q, %v", p, again, err)
	}
	if got, err := Verify(t.Context(), m); err != nil || got.SHA256 != want.SHA256 {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

// TestStopped: a shard that a context ends keeps what is finished, and leaves no half of a part.
func TestStopped(t *testing.T) {
	d := drawer(t, some("d-%02d-images-idx3-ubyte"))
	want := drawAll(t, d, t.TempDir(), 1)
	dir := t.TempDir()
	ctx, stop := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	path, _, err := d.Draw(ctx, dir, Shard{1, 1}, func(p Progress) {
		if p.Parts == 3 {
			stop(cause)
		}
	})
	if !errors.Is(err, cause) {
		t.Fatal(err)
	}
	m, err := ReadManifest(path)
	if err != nil || len(m.Parts) != 3 {
		t.Fatalf("%+v, %v", m, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2*3+1 {
		t.Errorf("%v", entries)
	}
	if _, p, err := d.Draw(t.Context(), dir, Shard{1, 1}, nil); err != nil || p.Kept != 3 {
		t.Errorf("%+v, %v", p, err)
	}
	if got, err := Verify(t.Context(), path); err != nil || got.SHA256 != want.SHA256 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestTwoWorkers: two workers on one shard do each other no harm.
func TestTwoWorkers(t *testing.T) {
	set := some("d-%02d.tar")
	want := drawAll(t, drawer(t, set), t.TempDir(), 1)
	for range 5 {
		dir := t.TempDir()
		var both sync.WaitGroup
		for range 2 {
			d := drawer(t, set)
			both.Go(func() {
				if _, _, err := d.Draw(t.Context(), dir, Shard{1, 1}, nil); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if got, err := Verify(t.Context(), filepath.Join(dir, "d-manifest.json")); err != nil || got.SHA256 != want.SHA256 {
			t.Errorf("%+v, %v", got, err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 7+1 {
			t.Errorf("%v", entries)
		}
	}
}

// TestWriteManifest: parts that a program keeps account of by itself, in any order, are a set; too
// few of them, or one twice, are not.
func TestWriteManifest(t *testing.T) {
	d, dir := drawer(t, some("d-%02d.npy")), t.TempDir()
	set := d.Set()
	parts := make([]Part, set.Parts())
	for k := range parts {
		var err error
		if parts[k], err = d.WritePart(t.Context(), dir, len(parts)-1-k); err != nil {
			t.Fatal(err)
		}
	}
	for says, bad := range map[string][]Part{"6 parts of 7": parts[1:], "part 6 after part 6": append(slices.Clone(parts), parts[0])} {
		if _, err := d.WriteManifest(dir, bad); !errors.Is(err, ErrManifest) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	path, err := d.WriteManifest(dir, parts)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := Verify(t.Context(), path); err != nil || v.Parts != len(parts) {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestOthers: a folder that holds parts of another set, or files that nothing tells of, stays as it
// is.
func TestOthers(t *testing.T) {
	set := some("d-%02d.tar")
	dir := t.TempDir()
	drawAll(t, drawer(t, set), dir, 2)
	before := contents(t, dir, "*")
	for field, change := range map[string]func(*Set){
		"seed": func(s *Set) { s.Seed++ }, "count": func(s *Set) { s.Count++ }, "part_images": func(s *Set) { s.PartImages-- },
		"class": func(s *Set) { s.Class = 3 }, "truncation": func(s *Set) { s.Truncation = 0.5 }, "name": func(s *Set) { s.Name = "d-%02d.npy" },
	} {
		other := set
		change(&other)
		if _, _, err := drawer(t, other).Draw(t.Context(), dir, Shard{1, 2}, nil); !errors.Is(err, ErrManifest) || !strings.Contains(err.Error(), field+" ") {
			t.Errorf("%s: %v", field, err)
		}
	}
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "d-06.tar"), []byte("other work"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, err := drawer(t, set).Draw(t.Context(), foreign, Shard{2, 2}, nil); !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), "d-06.tar") {
		t.Error(err)
	}
	if contents(t, dir, "*") != before || contents(t, foreign, "*") != "other work" {
		t.Error("files have changed")
	}
}

func TestSetErrors(t *testing.T) {
	m, err := digits.Model()
	if err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string]func(*Set){
		"0 pictures":            func(s *Set) { s.Count = 0 },
		"0 pictures in a part":  func(s *Set) { s.PartImages = 0 },
		"1000001 parts":         func(s *Set) { s.Count, s.PartImages = maxParts+1, 1 },
		"%03d":                  func(s *Set) { s.Count = 401 },
		"truncation -1":         func(s *Set) { s.Truncation = -1 },
		"class 10":              func(s *Set) { s.Class = 10 },
		"class -2":              func(s *Set) { s.Class = -2 },
		"one number of a part":  func(s *Set) { s.Name = "d.tar" },
		"%02d-%02d":             func(s *Set) { s.Name = "d-%02d-%02d.tar" },
		"%s":                    func(s *Set) { s.Name = "d-%02d-%s.tar" },
		"without a folder":      func(s *Set) { s.Name = "a/d-%02d.tar" },
		"zeros in front":        func(s *Set) { s.Name = "d-%2d.tar" },
		"ends in .tar":          func(s *Set) { s.Name = "d-%02d.zip" },
		"name it idx3":          func(s *Set) { s.Name = "d-%02d-images-idx4-ubyte" },
		"numbers fewer than 26": func(s *Set) { s.Name, s.PartImages = "d-%d.tar", 1 },
	} {
		s := some("d-%02d.tar")
		change(&s)
		if _, err := NewDrawer(m, s, model.Options{}); !errors.Is(err, ErrSet) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want one that says %s", err, says)
		}
	}
	colors := model.Generator(model.Config{Width: 2, Latent: 5, Size: 8, Channels: 3, Seed: 3})
	if _, err := NewDrawer(colors, some("d-%02d-images-idx3-ubyte"), model.Options{}); !errors.Is(err, ErrSet) || !strings.Contains(err.Error(), "idx4") {
		t.Error(err)
	}
	for _, s := range []Shard{{0, 1}, {2, 1}, {1, 0}, {-1, -1}, {1, maxShards + 1}} {
		if _, _, err := drawer(t, some("d-%02d.tar")).Draw(t.Context(), t.TempDir(), s, nil); !errors.Is(err, ErrSet) {
			t.Errorf("%v: %v", s, err)
		}
	}
}

// TestManifestErrors: of a manifest nothing is believed that its set does not allow.
func TestManifestErrors(t *testing.T) {
	dir := t.TempDir()
	drawAll(t, drawer(t, some("d-%02d.tar")), dir, 1)
	path := filepath.Join(dir, "d-manifest.json")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		`"gantiny_manifest": 1`:    `"gantiny_manifest": 2`,
		`"part": 3`:                `"part": 2`,
		`"part": 4`:                `"part": -4`,
		`"part": 6`:                `"part": 7`,
		`"first": 8`:               `"first": 9`,
		`"name": "d-00.tar"`:       `"name": "../d-00.tar"`,
		`"count": 26`:              `"count": 9223372036854775807`,
		`"part_images": 4`:         `"part_images": 0`,
		`"classes": 10`:            `"classes": -1`,
		`"height": 28`:             `"height": -28`,
		`"seed": 7`:                `"seed": "seven"`,
		`"name": "d-%02d.tar"`:     `"name": "../d-%02d.tar"`,
		`"images": 2`:              `"images": 3`,
		`"truncation": 1`:          `"truncation": -1`,
		string(good[len(good)/2:]): "",
	} {
		if !strings.Contains(string(good), from) {
			t.Fatalf("no %s", from)
		}
		if err := os.WriteFile(path, bytes.Replace(good, []byte(from), []byte(to), 1), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadManifest(path); !errors.Is(err, ErrManifest) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s for %s: %v", to, from, err)
		}
		if _, err := Verify(t.Context(), path); !errors.Is(err, ErrManifest) {
			t.Errorf("%s for %s: %v", to, from, err)
		}
	}
	if _, err := Verify(t.Context()); !errors.Is(err, ErrManifest) {
		t.Error(err)
	}
	if _, err := ReadManifest(dir); !errors.Is(err, ErrManifest) {
		t.Error(err)
	}
	// Two manifests that tell of a part differently.
	other := bytes.Replace(good, []byte(`"sha256": "`), []byte(`"sha256": "0`), 1)
	second := filepath.Join(dir, "second.json")
	if err := errors.Join(os.WriteFile(path, good, 0o666), os.WriteFile(second, other, 0o666)); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(t.Context(), path, second); !errors.Is(err, ErrManifest) || !strings.Contains(err.Error(), "part 0 differently") {
		t.Error(err)
	}
}

// FuzzManifest: whatever a manifest says, it is refused or can be written and read again.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"gantiny_manifest":1,"set":{"name":"d-%02d.tar","count":3,"part_images":2,"class":-1,"truncation":1,"height":1,"width":1,"channels":1},"parts":[{"part":0,"first":0,"images":2,"files":[{"name":"d-00.tar"}]}]}`))
	f.Add([]byte(`{"gantiny_manifest":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &Manifest{}
		if json.Unmarshal(b, m) != nil || m.check() != nil {
			return
		}
		n, err := parseName(m.Set.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range []int{0, m.Set.Parts() - 1} {
			if first, end := m.Set.Range(k); first < 0 || end <= first || end > m.Set.Count {
				t.Errorf("part %d is [%d, %d) of %d", k, first, end, m.Set.Count)
			}
			for _, name := range n.files(k) {
				if filepath.Base(name) != name {
					t.Errorf("part %d in %q", k, name)
				}
			}
		}
	})
}
