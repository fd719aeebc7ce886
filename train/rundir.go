package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/model/safetensors"
)

// Names of what a run writes into its directory.
const (
	CheckpointFile = "checkpoint.safetensors"
	PreviousFile   = "checkpoint.previous.safetensors" // the one before
	GeneratorFile  = "generator.safetensors"
	BestFile       = "generator.best.safetensors" // the one that measured best, with the setting eval_every
	ClassifierFile = "classifier.safetensors"     // in place of the generator, of task classify
	TeacherFile    = "teacher.safetensors"        // what the generator imitates, with a teacher
	MetricsFile    = "metrics.jsonl"
	SamplesDir     = "samples"                     // epoch-0001.png ...
	ReportFile     = "report.html"                 // what the run has come to, with the setting report
	EventsFile     = "events.out.tfevents.gantiny" // for TensorBoard, with the setting tensorboard
	lockFile       = ".lock"
)

// runFiles are the regular files among them.
var runFiles = []string{CheckpointFile, PreviousFile, GeneratorFile, BestFile, ClassifierFile, TeacherFile, MetricsFile, ReportFile, EventsFile, lockFile}

// checkDir reports what in dir a run must not touch. A directory from elsewhere may
// hold symbolic links in place of a run's files, and a run writes through none. Unless
// it is resumed, none of what a run writes may be there: files of two runs do not mix.
func checkDir(dir string, resume bool) error {
	for _, name := range append(runFiles, SamplesDir) {
		path := filepath.Join(dir, name)
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return fmt.Errorf("train: %w", err)
		case !resume && name == SamplesDir && info.IsDir():
			if entries, err := os.ReadDir(path); err == nil && len(entries) == 0 {
				continue
			}
			return fmt.Errorf("train: %s: %w", path, ErrExists)
		case !resume && name != lockFile:
			return fmt.Errorf("train: %s: %w", path, ErrExists)
		case name == SamplesDir && !info.IsDir():
			return fmt.Errorf("train: %s: %w: not a directory (%v)", path, fs.ErrInvalid, info.Mode())
		case name != SamplesDir && !info.Mode().IsRegular():
			return fmt.Errorf("train: %s: %w: not a regular file (%v)", path, fs.ErrInvalid, info.Mode())
		}
	}
	return nil
}

// lockDir locks dir until the file is closed. To resume, a checkpoint must be
// there, or the lock of a run that has not got as far; otherwise dir is made.
func lockDir(dir string, resume bool) (*os.File, error) {
	path := filepath.Join(dir, lockFile)
	if resume && !exists(path) && !exists(filepath.Join(dir, CheckpointFile)) && !exists(filepath.Join(dir, PreviousFile)) {
		return nil, fmt.Errorf("train: %s: %w", dir, ErrNoRun)
	}
	if err := checkDir(dir, resume); err != nil {
		return nil, err
	}
	if err := atomicfile.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	held, err := tryLock(f)
	if err == nil && !held {
		err = ErrLocked
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("train: %s: %w", dir, err)
	}
	if err := checkDir(dir, resume); err != nil { // another run may have come and gone
		f.Close()
		return nil, err
	}
	return f, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// noteSettings writes the settings of a run that begins into its lock, which is all
// that it has until its first checkpoint.
func noteSettings(lock *os.File, c Config) error {
	text, err := json.Marshal(c)
	if err == nil {
		err = lock.Truncate(0)
	}
	if err == nil {
		_, err = lock.WriteAt(append(text, '\n'), 0)
	}
	if err == nil {
		err = lock.Sync()
	}
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// Saved returns the settings of the run in dir, as of its last checkpoint that can be
// read or, before the first, as it was started with. The error wraps ErrNoRun if there is no run.
func Saved(dir string) (Config, error) {
	if err := checkDir(dir, true); err != nil {
		return Config{}, err
	}
	var first error
	for _, name := range []string{CheckpointFile, PreviousFile} {
		c, err := openCheckpoint(filepath.Join(dir, name))
		if err == nil {
			c.close()
			return c.Config, nil
		}
		if first = worse(first, err); !replaceable(err) {
			return Config{}, err
		}
	}
	if !errors.Is(first, fs.ErrNotExist) {
		return Config{}, first
	}
	c := Default()
	text, err := os.ReadFile(filepath.Join(dir, lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("train: %s: %w", dir, ErrNoRun)
	}
	if err != nil {
		return Config{}, fmt.Errorf("train: %w", err)
	}
	if json.Unmarshal(text, &c) != nil {
		return Default(), nil // it was not even told its settings
	}
	return c, nil
}

// replaceable tells whether the checkpoint before may stand in for one that gave err:
// one that is missing or damaged, not one of other settings or of a later program.
func replaceable(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, safetensors.ErrFormat) || errors.Is(err, safetensors.ErrMissing)
}

// worse returns which of the errors of two checkpoints says more: that one is damaged
// rather than missing, else the first.
func worse(first, second error) error {
	if first == nil || errors.Is(first, fs.ErrNotExist) && second != nil {
		return second
	}
	return first
}
