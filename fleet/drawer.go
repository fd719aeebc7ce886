package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"path/filepath"
	"runtime"

	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// defaultBatch is how many pictures are computed at a time.
const defaultBatch = 64

// Drawer draws parts of a set. It belongs to one goroutine at a time.
type Drawer struct {
	set     Set
	name    name
	model   *model.Model
	session *model.Session
	threads int
	latent  int // index of the model's inputs
	class   int // alike, -1 for none

	// Of a batch:
	z       []float32 // (batch, latent)
	classes []int32
	floats  []float32 // (batch, H, W, C), where they are wanted
	pixels  []uint8   // (batch, H, W, C)
}

// NewDrawer returns a Drawer of set, of which it fills in what follows from m. Its pictures do not
// depend on o, but for those of models in floats on the kernels.
func NewDrawer(m *model.Model, set Set, o model.Options) (*Drawer, error) {
	if o.Kernels == nil {
		k, err := simd.Lookup("")
		if err != nil {
			return nil, err
		}
		o.Kernels = k
	}
	if o.Batch <= 0 {
		o.Batch = defaultBatch
	}
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	o.Winograd = true // the same bits in any batch
	if err := set.describe(m, o.Kernels); err != nil {
		return nil, err
	}
	d := &Drawer{set: set, model: m, threads: o.Threads, classes: make([]int32, o.Batch)}
	var err error
	if d.name, err = parseName(set.Name); err != nil {
		return nil, err
	}
	if d.latent, d.class, err = m.GeneratorInputs(); err != nil {
		return nil, err
	}
	if d.session, err = m.NewSession(o); err != nil {
		return nil, err
	}
	size := m.Output().Len()
	d.z, d.pixels = make([]float32, o.Batch*m.Inputs()[d.latent].Shape.Len()), make([]uint8, o.Batch*size)
	if d.name.kind.floats {
		d.floats = make([]float32, o.Batch*size)
	}
	return d, nil
}

// Close ends the Drawer's threads.
func (d *Drawer) Close() { d.session.Close() }

// Set returns the whole description of what is drawn.
func (d *Drawer) Set() Set { return d.set }

// block is a few finished pictures, in order.
type block struct {
	first, n int
	floats   []float32 // (n, H, W, C) in [-1, 1]; nil where the files hold none
	pixels   []uint8   // (n, H, W, C)
}

// each draws the pictures [first, end), and hands them to yield batch by batch.
func (d *Drawer) each(ctx context.Context, first, end int, yield func(block) error) error {
	dim, size, batch := len(d.z)/len(d.classes), len(d.pixels)/len(d.classes), len(d.classes)
	feed := model.Feed{In: make([]model.Data, len(d.model.Inputs())), Out: make([]model.Data, len(d.model.Outputs()))}
	for first < end {
		n := min(batch, end-first)
		b := block{first: first, n: n, pixels: d.pixels[:n*size]}
		if d.floats != nil {
			b.floats = d.floats[:n*size]
		}
		d.inputs(n, dim, first)
		feed.In[d.latent].Floats = d.z[:n*dim]
		if d.class >= 0 {
			feed.In[d.class].Classes = d.classes[:n]
		}
		feed.Out[0] = model.Data{Floats: b.floats, Pixels: b.pixels}
		if err := d.session.RunFeed(ctx, feed); err != nil {
			return err
		}
		if err := yield(b); err != nil {
			return err
		}
		first += n
	}
	return nil
}

// inputs sets the latents and classes of n pictures from first on.
func (d *Drawer) inputs(n, dim, first int) {
	z := d.z[:n*dim]
	model.Latents(z, dim, d.set.Seed, first)
	if d.set.Truncation != 1 {
		for i := range z {
			z[i] *= d.set.Truncation
		}
	}
	if d.class >= 0 {
		for i := range n {
			d.classes[i] = int32(d.set.classOf(first + i))
		}
	}
}

// File is one of a part's files.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Part is what has become of a part.
type Part struct {
	Part   int    `json:"part"`
	First  int    `json:"first"` // index of its first picture
	Images int    `json:"images"`
	Files  []File `json:"files"`
}

// WritePart draws part k into dir. Its files appear whole or not at all, and are the same bytes
// whoever writes them, so that two writers of one part do each other no harm.
func (d *Drawer) WritePart(ctx context.Context, dir string, k int) (Part, error) {
	first, end := d.set.Range(k)
	p := Part{Part: k, First: first, Images: end - first}
	w := &partWriter{d, first, end}
	names := d.name.files(k)
	var paths []string
	for _, name := range names {
		paths = append(paths, filepath.Join(dir, name))
	}
	err := atomicfile.WriteAll(paths, func(i int, to io.Writer) error {
		s := summed{w: to, sum: sha256.New()}
		if err := w.file(ctx, i, &s); err != nil {
			return err
		}
		p.Files = append(p.Files, File{names[i], s.n, hex.EncodeToString(s.sum.Sum(nil))})
		return nil
	})
	return p, err
}

// summed counts and sums what goes through it.
type summed struct {
	w   io.Writer
	n   int64
	sum hash.Hash
}

func (s *summed) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	s.n += int64(n)
	s.sum.Write(b[:n])
	return n, err
}
