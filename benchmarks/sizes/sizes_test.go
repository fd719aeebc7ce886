package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/benchmarks/internal/cli"
	"github.com/gantiny/gantiny/model"
)

// TestTable: rows of a small untrained generator, whose files shrink with its numbers.
func TestTable(t *testing.T) {
	if testing.Short() {
		t.Skip("quantizes and compares pictures")
	}
	path := filepath.Join(t.TempDir(), "g.safetensors")
	m := model.Generator(model.Config{Latent: 50, Width: 4})
	m.Init(1, model.GlorotUniform)
	if err := m.Save(path, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	args := []string{"--models", path, "--bits", "32,8,4", "--data", "digits", "-n", "100", "--calib", "32"}
	var out bytes.Buffer
	if err := run(t.Context(), append(args, "--json", "--finetune", "1"), &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var got table
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got.Rows) != 3 {
		t.Fatalf("%v of %s", err, out.Bytes())
	}
	whole, half := got.Rows[1], got.Rows[2]
	for i, r := range got.Rows {
		if r.Bits != []int{32, 8, 4}[i] || r.Parameters != m.Parameters() || !(r.Floors > 1 && r.Milliseconds > 0) || (r.PSNR == nil) != (i == 0) {
			t.Errorf("row %d: %+v", i, r)
		}
	}
	if half.Bytes > whole.Bytes*3/4 || whole.Bytes > got.Rows[0].Bytes/2 || *half.PSNR >= *whole.PSNR {
		t.Errorf("8 bits: %d bytes, %g dB; 4 bits: %d bytes, %g dB", whole.Bytes, *whole.PSNR, half.Bytes, *half.PSNR)
	}
	out.Reset()
	if err := got.markdown(&out); err != nil || strings.Count(out.String(), "\n| ") != 4 {
		t.Errorf("table %s, %v", out.String(), err)
	}
}

// TestUsage: options that cannot be are named.
func TestUsage(t *testing.T) {
	for _, args := range []string{"--bits 5", "--bits", "--models a,,b", "-n 99", "--calib 0", "--finetune -1", "--threads -1", "zoo", "--nosuch"} {
		var log bytes.Buffer
		first := strings.Fields(args)
		if err := run(t.Context(), first, io.Discard, &log); !errors.Is(err, cli.ErrUsage) || !strings.Contains(log.String(), strings.TrimLeft(first[0], "-")) {
			t.Errorf("%s: error %v, log %q", args, err, log.String())
		}
	}
	if err := run(t.Context(), []string{"--models", "nosuch.safetensors"}, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "nosuch.safetensors") {
		t.Errorf("no file: error %v", err)
	}
}
