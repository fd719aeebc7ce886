package model_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	goldenFile  = filepath.Join("testdata", "int8.safetensors")
	goldenGraph = filepath.Join("testdata", "int8graph.safetensors")
	goldenTable = filepath.Join("testdata", "int8.golden")
)

// goldenModels are the committed files, a small untrained generator and one with residual blocks
// and classes, and random models, which are made of integers.
func goldenModels(t *testing.T) map[string]*model.Model {
	t.Helper()
	m, err := model.LoadInt8(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	graph, err := model.LoadInt8(goldenGraph)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]*model.Model{"generator": m, "residual": graph, "branches": branchesModel(t), "normed": normedModel(t)}
	for i, m := range models(t) {
		named[fmt.Sprint("random", i)] = m
	}
	return named
}

// TestGolden holds the pixels' hashes to those that were kept: the same on every machine. 19 images
// are several batches of 1, 3 and 16, each with a rest.
func TestGolden(t *testing.T) {
	const n = 19
	if *update {
		updateGolden(t, n)
	}
	table, err := os.Open(goldenTable)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	named := goldenModels(t)
	lines := 0
	for s := bufio.NewScanner(table); s.Scan(); lines++ {
		var name, want string
		var seed uint64
		if _, err := fmt.Sscan(s.Text(), &name, &seed, &want); err != nil || named[name] == nil {
			t.Fatalf("%q: %v", s.Text(), err)
		}
		for _, k := range simd.Variants() {
			for threads := 1; threads <= 4; threads++ {
				for _, batch := range []int{1, 3, 16} {
					if seed > 1 && batch != threads { // one seed sees it all
						continue
					}
					if got := hash(t, named[name], seed, n, batch, model.Options{Batch: batch, Threads: threads, Kernels: k}); got != want {
						t.Fatalf("%s, seed %d, %s, %d threads, batch %d: %s, want %s", name, seed, k.Name, threads, batch, got, want)
					}
				}
			}
		}
	}
	if lines < 2*len(named) {
		t.Errorf("%d lines for %d models", lines, len(named))
	}
}

// updateGolden makes a new file and table.
func updateGolden(t *testing.T, n int) {
	t.Helper()
	keep(t, goldenFile, model.Generator(model.Config{Width: 6, Latent: 12, Size: 12, Channels: 3, Seed: 9}))
	keep(t, goldenGraph, floatNet(t, "residual", residualNet))
	var b strings.Builder
	named := goldenModels(t)
	for _, name := range []string{"generator", "random0", "random1", "random2", "random3", "residual", "branches", "normed"} {
		for _, seed := range []uint64{1, 1 << 40} {
			fmt.Fprintln(&b, name, seed, digest(exactOutputs(t, named[name], seeded(named[name], n, seed))))
		}
	}
	if err := os.WriteFile(goldenTable, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
}

// keep quantizes a model and writes it to a golden file, unless there is one.
func keep(t *testing.T, path string, m *model.Model) {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		return
	}
	q, _, err := m.Quantize(t.Context(), quant.Options{Images: 64})
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Save(path, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
}

// hash is that of n images of a seed.
func hash(t *testing.T, m *model.Model, seed uint64, n, batch int, o model.Options) string {
	t.Helper()
	return digest(outputs(t, m, seeded(m, n, seed), batch, o))
}

func sum(pix []uint8) string {
	h := sha256.Sum256(pix)
	return hex.EncodeToString(h[:])
}
