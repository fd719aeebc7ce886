package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gantiny/gantiny/export/ddp"
	"github.com/gantiny/gantiny/train"
)

// TestExportDDP: the folder is a run's, with the program beside it, and is resumed like one. What
// the script continues to is held to gantiny's steps by the tests of package ddp.
func TestExportDDP(t *testing.T) {
	tinyRun(t)
	gantiny(t, "train", "--config", "tiny.toml", "--epochs", "1", "--out", "run").want(t, exitDone)
	gantiny(t, "export", "--ddp", "run", "-o", "torch").want(t, exitDone, "step 4 of run", "torchrun --nproc_per_node 2 "+filepath.Join("torch", ddp.ScriptFile)+" --steps 4\n")
	for _, name := range []string{ddp.ScriptFile, ddp.ModuleFile, ddp.ImagesFile, train.CheckpointFile} {
		if info, err := os.Stat(filepath.Join("torch", name)); err != nil || info.Size() < 1000 {
			t.Errorf("%s: %v", name, err)
		}
	}
	gantiny(t, "export", "--ddp", "run", "-o", "torch").want(t, exitUsage, "is there already")
	gantiny(t, "train", "--out", "torch", "--resume", "--epochs", "2").want(t, exitDone)

	if err := os.Rename("pictures", "moved"); err != nil {
		t.Fatal(err)
	}
	gantiny(t, "export", "--ddp", "run", "-o", "again").want(t, exitFailed, "--data")
	gantiny(t, "export", "--ddp", "run", "-o", "again", "--data", "moved").want(t, exitDone)
	if err := os.Remove(filepath.Join("moved", "00.png")); err != nil {
		t.Fatal(err)
	}
	gantiny(t, "export", "--ddp", "run", "-o", "other", "--data", "moved").want(t, exitUsage, "does not fit the checkpoint")
	gantiny(t, "train", "--config", "tiny.toml", "--data", "moved", "--epochs", "1", "--batch", "8", "--spectral-norm", "--augment", "flip", "--out", "more").want(t, exitDone)
	gantiny(t, "export", "--ddp", "more", "-o", "other").want(t, exitFailed, "spectral_norm", "augment")
	if _, err := os.Stat("other"); err == nil {
		t.Error("a refused run leaves a folder")
	}
}

// TestContinuing: processes that do not divide the batch are not proposed, nor steps where epochs
// are left.
func TestContinuing(t *testing.T) {
	h := &train.Handover{Config: train.Config{Batch: 5, Epochs: 3}, Step: 11}
	want := "torchrun --nproc_per_node 1 " + filepath.Join("out", ddp.ScriptFile)
	if got := continuing("out", h, 23); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	h.Step++
	if got := continuing("out", h, 23); got != want+" --steps 4" {
		t.Errorf("%q, want steps", got)
	}
}

func TestExportDDPErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("empty", 0o777); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		says string
		args []string
	}{
		{"which run", []string{"--ddp", "-o", "x"}},
		{"no folder of a run", []string{"--ddp", "none", "-o", "x"}},
		{"which folder", []string{"--ddp", "empty"}},
		{"no run to resume", []string{"--ddp", "empty", "-o", "x"}},
		{"-o and --data only", []string{"--ddp", "empty", "-o", "x", "--web"}},
		{"--data goes with --ddp", []string{"-o", "m.onnx", "--data", "digits"}},
	} {
		gantiny(t, append([]string{"export"}, c.args...)...).want(t, exitUsage, c.says)
	}
}
