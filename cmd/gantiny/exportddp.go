package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/export/ddp"
	"github.com/gantiny/gantiny/train"
)

// runDDP is export --ddp.
func (f *exportFlags) runDDP(ctx context.Context, args []string, stderr io.Writer) error {
	if err := f.checkDDP(args); err != nil {
		return err
	}
	dir := args[0]
	c, err := train.Saved(dir)
	if errors.Is(err, train.ErrNoRun) {
		return usagef("--ddp %s: %w", dir, err)
	}
	if err != nil {
		return err
	}
	from := &dataFlags{run: dir}
	if f.data != "" {
		c.Data, from.run = f.data, ""
	}
	data, err := from.load(ctx, c, dir, stderr)
	if err != nil {
		return err
	}
	h, err := train.OpenHandover(dir, data, ddp.Check)
	if errors.Is(err, train.ErrNoRun) || errors.Is(err, train.ErrMismatch) {
		return usagef("--ddp %s: %w", dir, err)
	}
	if err != nil {
		return err
	}
	defer h.Close()
	for _, note := range h.Notes {
		fmt.Fprintf(stderr, "%s: %s\n", dir, note)
	}
	if err := ddp.Write(f.out, h, data, version()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stderr, "%s: step %d of %s; go on with: %s\n", f.out, h.Step, dir, continuing(f.out, h, data.N))
	return err
}

// continuing is the command that goes on with a run of so many images in two processes, or in one
// where two do not divide the batch. Where the run's epochs are done, it asks for steps behind
// them.
func continuing(out string, h *train.Handover, images int) string {
	c, processes, more := h.Config, 2, ""
	if c.Batch%processes != 0 {
		processes = 1
	}
	perEpoch := images / c.Batch
	if h.Step >= uint64(c.Epochs)*uint64(perEpoch) {
		more = fmt.Sprintf(" --steps %d", perEpoch)
	}
	return fmt.Sprintf("torchrun --nproc_per_node %d %s%s", processes, display.Quote(filepath.Join(out, ddp.ScriptFile)), more)
}

// checkDDP reports flags and folders that do not suit --ddp. A run that is at -o is not replaced,
// be it one that a script has gone on with.
func (f *exportFlags) checkDDP(args []string) error {
	switch {
	case len(args) == 0:
		return usagef("--ddp: which run? name its folder")
	case !isDir(args[0]):
		return usagef("--ddp %s: is no folder of a run", args[0])
	case f.out == "":
		return usagef("-o: which folder to write the program into?")
	case f.web || f.json || f.compress || f.float || f.name != "" || f.wasm != "":
		return usagef("--ddp goes with -o and --data only")
	}
	if err := checkFolder("-o", f.out); err != nil {
		return err
	}
	for _, name := range []string{train.CheckpointFile, train.GeneratorFile, ddp.ScriptFile} {
		if _, err := os.Lstat(filepath.Join(f.out, name)); err == nil {
			return usagef("-o %s: %s is there already; name another folder", f.out, name)
		}
	}
	return nil
}
