package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/model"
)

// byteSize is a flag's number of bytes: 64M, 1.5G, 65536K, 67108864. Units are binary, with or
// without B or iB after them.
type byteSize struct {
	n    int64
	text string // as the user wrote it
}

func (b *byteSize) Type() string   { return "SIZE" }
func (b *byteSize) String() string { return b.text }

func (b *byteSize) Set(s string) error {
	text := strings.ToUpper(strings.TrimSpace(s))
	text = strings.TrimSuffix(strings.TrimSuffix(text, "B"), "I")
	unit := 1.0
	for i, u := range []string{"K", "M", "G"} {
		if rest, ok := strings.CutSuffix(text, u); ok {
			text, unit = rest, float64(int64(1)<<(10*(i+1)))
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	n := v * unit
	if err != nil || !(n >= 1 && n < 1<<62) {
		return errors.New("not a size such as 64M")
	}
	b.n, b.text = int64(n), s
	return nil
}

// mebibytes writes a size, rounded up.
func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", (n+1<<20-1)>>20) }

// What this program takes beside its model and its pictures.
const (
	programBytes  = 8 << 20   // its own pages and the Go runtime's, where the system does not tell how many are resident
	workingBytes  = 2 << 20   // code that has not run yet when the first figure is taken, threads' stacks
	garbageBytes  = 1 << 20   // what the collector has not collected
	encodingBytes = 3 << 19   // of a PNG or a GIF
	threadBytes   = 128 << 10 // of each thread
	varyingBytes  = 1 << 20   // by which two runs of the program differ
	freePictures  = 32 << 20  // of pictures, about which nobody asks what the machine has left
)

// residentBytes is the memory of this process now.
func residentBytes(system fs.FS) int64 {
	status, err := fs.ReadFile(system, "proc/self/status")
	if err != nil {
		return programBytes
	}
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmRSS:")); ok {
			var kilobytes int64
			if _, err := fmt.Sscan(string(rest), &kilobytes); err == nil {
				return kilobytes << 10
			}
		}
	}
	return programBytes
}

// rootFS is the files of this system.
func rootFS() fs.FS { return os.DirFS("/") }

// footprint predicts the resident memory of drawing.
type footprint struct {
	net      network
	resident int64 // of the process once the model is open
	options  model.Options
	pictures int64 // of what becomes of the images, see pictureBytes
	collect  bool  // the collector runs before the first image is drawn
}

// newFootprint is that of images that are thrown away.
func newFootprint(net network, o model.Options) *footprint {
	return &footprint{net: net, resident: residentBytes(rootFS()), options: o}
}

// pictureBytes is what the images need on their way into an output of a kind.
func pictureBytes(kind string, shape model.Shape, images int) int64 {
	if kind == "npy" {
		return 0
	}
	if kind == "dir" {
		images = 1
	}
	n := int64(images) * int64(shape.Len())
	colors := int64(1)
	if shape.C > 1 {
		colors = 4
	}
	return n + 2*colors*n/int64(shape.C) + encodingBytes // the pixels, and the grid with its margins, or the frames
}

// blockBytes is what the images computed at a time take outside of the session.
func blockBytes(net network, batch int) int64 {
	in, out := int64(net.Input().Len()), int64(net.Output().Len())
	return 4*(int64(batch)+2)*in + 5*int64(batch)*out // latents and two to go between, floats, pixels
}

// peak is what the process takes at most.
func (f *footprint) peak(batch, threads int) (int64, error) {
	o := f.options
	o.Batch, o.Threads = batch, threads
	m, err := f.net.Memory(o)
	if err != nil {
		return 0, err
	}
	block := blockBytes(f.net, batch)
	drawing := m.Activations + m.Scratch + block + f.pictures
	if f.collect {
		drawing = max(drawing, m.Loading)
	} else {
		drawing += m.Loading + garbageBytes
	}
	return f.resident + m.Packed + m.Plans + drawing + workingBytes + int64(threads)*threadBytes, nil
}

// fit returns the largest batch, of at most batch, and as many of the threads as keep the process
// within limit bytes; fewer threads only where fewer are allowed. The error says what is needed at
// least.
func (f *footprint) fit(limit byteSize, batch, threads int, fewer bool) (int, int, error) {
	for {
		n, err := f.peak(batch, threads)
		debug.FreeOSMemory() // what planning left
		if err != nil || n <= limit.n {
			return batch, threads, err
		}
		switch {
		case batch > 1:
			batch /= 2
		case threads > 1 && fewer:
			threads = (threads + 1) / 2
		default:
			return 0, 0, usagef("--max-ram %s: %s needs at least %s (batch 1, %s)",
				limit.text, f.net.name, mebibytes(n+varyingBytes), display.Plural(threads, "thread"))
		}
	}
}

// hugeUnasked reports whether the system hands out huge pages to programs that do not ask for them,
// which makes megabytes resident of which a few bytes are in use.
func hugeUnasked(system fs.FS) bool {
	setting, err := fs.ReadFile(system, "sys/kernel/mm/transparent_hugepage/enabled")
	return err == nil && bytes.Contains(setting, []byte("[always]"))
}

// keepWithin makes the collector work harder rather than pass limit bytes, and has memory counted
// in small pages.
func (f *footprint) keepWithin(limit int64) {
	if hugeUnasked(rootFS()) {
		refuseHugePages()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	others := max(0, f.resident-int64(m.Sys-m.HeapReleased)) // pages of files, which the runtime knows nothing of
	debug.SetMemoryLimit(max(limit-others, 1<<20))
}
