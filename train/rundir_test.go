package train

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Anything that a run writes is a reason not to begin one there, and stays as it was.
func TestRunRefusesWhatIsThere(t *testing.T) {
	for _, name := range []string{CheckpointFile, PreviousFile, GeneratorFile, MetricsFile, SamplesDir + "/epoch-0001.png"} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("mine"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := runIn(t, dir, nil); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), filepath.Join(dir, strings.Split(name, "/")[0])) {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
			t.Errorf("%s now holds %q, %v", name, b, err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("%s: %v in the directory, %v", name, entries, err)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{SamplesDir, "notes"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := runIn(t, dir, nil); err != nil {
		t.Errorf("an empty directory of samples: %v", err)
	}
}

// A generator whose checkpoint is gone is not replaced, not by a resumed run either.
func TestGeneratorWithoutCheckpoint(t *testing.T) {
	dir := t.TempDir()
	if err := runIn(t, dir, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{CheckpointFile, PreviousFile} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.ReadFile(filepath.Join(dir, GeneratorFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, resume := range []bool{false, true} {
		if err := runIn(t, dir, func(c *Config, o *Options) { o.Resume = resume }); !errors.Is(err, ErrExists) {
			t.Errorf("resume %v: %v", resume, err)
		}
	}
	if after, err := os.ReadFile(filepath.Join(dir, GeneratorFile)); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the generator has changed: %v", err)
	}
}

// A run writes through no symbolic link that a directory from elsewhere holds.
func TestRunFollowsNoLinks(t *testing.T) {
	for _, name := range []string{CheckpointFile, PreviousFile, GeneratorFile, MetricsFile, lockFile, SamplesDir, SamplesDir + "/epoch-0002.png"} {
		dir, outside := t.TempDir(), t.TempDir()
		if err := runIn(t, dir, func(c *Config, o *Options) { c.Epochs = 1 }); err != nil {
			t.Fatal(err)
		}
		path, victim := filepath.Join(dir, name), filepath.Join(outside, "victim")
		if exists(path) {
			if err := os.Rename(path, victim); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(victim, []byte("mine"), 0o666); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(victim) // nothing for the directory
		if err := os.Symlink(victim, path); err != nil {
			t.Skip(err)
		}
		err := runIn(t, dir, func(c *Config, o *Options) { o.Resume = true })
		if grid := strings.HasSuffix(name, ".png"); grid != (err == nil) || !grid && (!errors.Is(err, os.ErrInvalid) || !strings.Contains(err.Error(), path)) {
			t.Errorf("%s: %v", name, err)
		}
		if after, _ := os.ReadFile(victim); !bytes.Equal(before, after) {
			t.Errorf("%s: the file that the link points at has changed", name)
		}
	}
}
