package beam_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/memfs"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/passert"

	gantinybeam "github.com/gantiny/gantiny/contrib/beam"
	"github.com/gantiny/gantiny/fleet"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/zoo/digits"
)

func TestMain(m *testing.M) {
	beam.Init()
	os.Exit(m.Run())
}

var set = fleet.Set{Name: "digits-%02d.tar", Count: 100, PartImages: 9, Seed: 3, Class: -1, Truncation: 1}

// run draws the set by Beam's local runner, which gives the functions to workers as the large ones
// do: as text.
func run(t *testing.T, modelFile, dir string) error {
	t.Helper()
	p, s := beam.NewPipelineWithRoot()
	manifest, err := gantinybeam.Draw(s, modelFile, set, dir)
	if err != nil {
		t.Fatal(err)
	}
	passert.Equals(s, manifest, strings.TrimSuffix(dir, "/")+"/digits-manifest.json")
	_, err = prism.Execute(t.Context(), p)
	return err
}

// union is the SHA-256 of all parts, one after another.
func union(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "digits-[0-9]*.tar"))
	if err != nil || len(files) != set.Parts() {
		t.Fatalf("%q, %v", files, err)
	}
	slices.Sort(files)
	sum := sha256.New()
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(sum, f); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

// TestUnion: the pipeline's files are those of shards, for any number of them; once more into the
// same folder as well, as after a job that failed.
func TestUnion(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	for range 2 {
		if err := run(t, "", dir); err != nil {
			t.Fatal(err)
		}
	}
	want := union(t, dir)
	v, err := fleet.Verify(t.Context(), filepath.Join(dir, "digits-manifest.json"))
	if err != nil || v.SHA256 != want {
		t.Errorf("%+v, %v, want %s", v, err, want)
	}
	m, err := digits.Model()
	if err != nil {
		t.Fatal(err)
	}
	d, err := fleet.NewDrawer(m, set, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, n := range []int{1, 3, 8} {
		dir := t.TempDir()
		for i := range n {
			if _, _, err := d.Draw(t.Context(), dir, fleet.Shard{I: i + 1, N: n}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if got := union(t, dir); got != want {
			t.Errorf("%d shards: %s, want %s", n, got, want)
		}
	}
}

// TestAddress: parts go to a file system of Beam's.
func TestAddress(t *testing.T) {
	if err := run(t, "", "memfs://sets/d/"); err != nil {
		t.Fatal(err)
	}
	system := memfs.New(t.Context())
	defer system.Close()
	for _, name := range []string{"digits-00.tar", "digits-11.tar", "digits-manifest.json"} {
		if n, err := system.Size(context.Background(), "memfs://sets/d/"+name); err != nil || n < 1000 {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
	}
}

func TestErrors(t *testing.T) {
	_, s := beam.NewPipelineWithRoot()
	if _, err := gantinybeam.Draw(s, "", fleet.Set{Name: "d-%d.tar"}, "."); !errors.Is(err, fleet.ErrSet) {
		t.Error(err)
	}
	missing := filepath.Join(t.TempDir(), "none.safetensors")
	if err := run(t, missing, t.TempDir()); err == nil || !strings.Contains(err.Error(), "none.safetensors") {
		t.Errorf("a model that is not there: %v", err)
	}
}
