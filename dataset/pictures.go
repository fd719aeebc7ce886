package dataset

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
)

// ErrPicture is what the error of pictures wraps that cannot be read: a *PicturesError.
var ErrPicture = errors.New("unreadable pictures")

// mostNamed is how many things of a kind a message names.
const mostNamed = 10

// BadPicture is a file among the pictures of a set that cannot be read.
type BadPicture struct {
	Path   string
	Reason string // what the file is, or what is wrong with it: "PNG cut short", "an HTML page"
}

// PicturesError says which pictures of a set cannot be read. It wraps ErrPicture, and ErrMemory too
// if more memory would make some of them readable.
type PicturesError struct {
	Bad    []BadPicture // all of them, in the order of the set
	Of     int          // pictures in the set, with these
	memory bool         // some need more memory than they may take
}

// Error names the first ten.
func (e *PicturesError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "dataset: %d of %s cannot be read:", len(e.Bad), plural(e.Of, "picture"))
	for _, bad := range e.Bad[:min(len(e.Bad), mostNamed)] {
		fmt.Fprintf(&b, "\n  %s: %s", bad.Path, bad.Reason)
	}
	if more := len(e.Bad) - mostNamed; more > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	return b.String()
}

// Unwrap returns the sentinels.
func (e *PicturesError) Unwrap() []error {
	if e.memory {
		return []error{ErrPicture, ErrMemory}
	}
	return []error{ErrPicture}
}

// openPictures reads the pictures of a set, from the cache if they are there.
func (l *loader) openPictures(set *pictureSet) (*Dataset, error) {
	key, err := l.cacheKey(set)
	if err != nil {
		return nil, err
	}
	if d := l.cached(key); d != nil {
		return d, nil
	}
	l.note("reading %s", plural(len(set.paths), "picture"))
	from := len(l.notes)
	d := &Dataset{Name: baseName(set.dir), C: l.o.Channels, N: len(set.paths), Labels: set.labels, Classes: set.classes}
	r := &reader{l: l, d: d, paths: set.paths, white: l.o.White, about: make([]about, d.N)}
	if err := r.allocate(); err != nil {
		return nil, err
	}
	if err := r.readAll(nil); err != nil {
		return nil, err
	}
	if err := r.adjustWhite(); err != nil {
		return nil, err
	}
	if err := r.dropBad(); err != nil {
		return nil, err
	}
	r.remark()
	l.keep(key, d, l.notes[from:])
	return d, nil
}

// about is what was seen while a picture was read.
type about struct {
	bad         string // why it cannot be read; "" if it can
	large       bool   // because it needs more memory
	warning     string
	transparent bool
	largest16   int // the largest of its 16-bit colors, -1 for a picture of 8 bits
	plain       bool
}

// reader reads the pictures of one set.
type reader struct {
	l      *loader
	d      *Dataset
	paths  []string
	white  int // of 16-bit pictures; 0 for 65535
	about  []about
	budget *budget
	resize bool

	mu   sync.Mutex
	done int
}

// allocate makes room for the pixels: images of the size that was asked for, or as large as the
// first picture that can be read.
func (r *reader) allocate() error {
	l, d := r.l, r.d
	r.resize = l.o.Size != 0
	d.H, d.W = l.o.Size, l.o.Size
	for i := 0; !r.resize && d.H == 0 && i < d.N; i++ {
		h, turn, err := headAndTurn(r.paths[i])
		if err == nil {
			d.H, d.W = h.h, h.w
			if turn.turned() {
				d.H, d.W = h.w, h.h
			}
		}
	}
	if d.H == 0 {
		d.H, d.W = 1, 1 // none can be read, which readAll will report
	}
	bytes, err := pixelBytes(d.N, d.H, d.W, d.C)
	if err != nil {
		return fmt.Errorf("dataset: %s: %w", d.Name, err)
	}
	if int64(bytes) > l.limit {
		return exceeds(d.describe(), int64(bytes), l.limit)
	}
	rest := l.limit - int64(bytes)
	if l.o.MaxRAM == 0 {
		rest = min(rest, decodingShare)
	}
	r.budget = newBudget(rest)
	d.Pix = make([]uint8, bytes)
	return nil
}

// headAndTurn reads the head of a picture and how it is turned.
func headAndTurn(path string) (h pictureHead, turn orientation, err error) {
	f, err := openPicture(path)
	if err != nil {
		return h, 1, err
	}
	defer f.Close()
	if h, err = readHead(f); err != nil {
		return h, 1, err
	}
	p := make([]byte, min(h.size, 1<<20)) // metadata come first, except WebP's
	if h.format == formatWebP {
		p = make([]byte, h.size)
	}
	n, err := f.ReadAt(p, 0)
	if err == io.EOF {
		err = nil
	}
	return h, orientationOf(h.format, p[:n]), err
}

// openPicture opens a file that is a regular one.
func openPicture(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if what := notRegular(info); what != "" || info.IsDir() {
		return nil, errors.New("no regular file")
	}
	return os.Open(path)
}

// readAll reads those pictures that only selects; nil selects all.
func (r *reader) readAll(only func(i int) bool) error {
	r.done = 0
	return each(r.l.ctx, r.d.N, func(i int) error {
		if only != nil && !only(i) {
			return nil
		}
		a, err := r.read(i)
		if err != nil {
			return err
		}
		r.about[i] = a
		r.mu.Lock()
		defer r.mu.Unlock()
		r.done++
		if r.l.o.Progress != nil {
			r.l.o.Progress(r.done, r.d.N)
		}
		return nil
	})
}

// read reads picture i into its place. The error ends the run: the context's, or that of a picture
// that another option would make readable.
func (r *reader) read(i int) (a about, err error) {
	a.largest16 = -1
	path := r.paths[i]
	f, err := openPicture(path)
	if err != nil {
		a.bad = reason(err)
		return a, nil
	}
	defer f.Close()
	h, err := readHead(f)
	if err != nil {
		a.bad = reason(err)
		return a, nil
	}
	need := h.size + h.decoded
	if !r.resize {
		need += r.l.pixelBytes() * int64(h.w) * int64(h.h)
	}
	if most := r.l.share(r.budget.total, need, h.size); need > most {
		images := int64(len(r.d.Pix))
		a.bad = fmt.Sprintf("%s of %dx%d pixels: %v: %s", h.format, h.w, h.h, ErrMemory, needsText(need+images, most+images))
		a.large = true
		return a, nil
	}
	if err := r.budget.take(r.l.ctx, need); err != nil {
		return a, err
	}
	defer r.budget.give(need)
	err = r.decode(i, f, h, &a)
	if need >= collectFrom {
		debug.FreeOSMemory() // the next picture gets its memory from the budget: this one's must be free
	}
	return a, err
}

// collectFrom is the bytes of a picture from which its memory is worth being collected at once. The
// collector takes a millisecond, such a picture some hundred.
const collectFrom = 16 << 20

// decode reads picture i, of which h is the head, from f into its place.
func (r *reader) decode(i int, f *os.File, h pictureHead, a *about) error {
	p := make([]byte, h.size)
	if _, err := f.ReadAt(p, 0); err != nil {
		a.bad = reason(h.explain(err))
		return nil
	}
	img, err := decodePicture(r.l.ctx, h, p)
	if ctxErr := r.l.ctx.Err(); ctxErr != nil {
		return ctxErr
	}
	if err != nil {
		a.bad = err.Error()
		return nil
	}
	return r.store(i, img, a)
}

// store puts a decoded picture into its place.
func (r *reader) store(i int, img decoded, a *about) error {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if img.turn.turned() {
		w, h = h, w
	}
	if !r.resize && (w != r.d.W || h != r.d.H) {
		return fmt.Errorf("dataset: %s: %dx%d pixels, but %s has %dx%d; choose a size to have them resized",
			r.paths[i], w, h, filepath.Base(r.paths[0]), r.d.W, r.d.H)
	}
	a.warning = img.warning
	a.largest16 = largest16(img.Image)
	white := r.white
	if white == 0 {
		white = 0xffff
	}
	img.Image = narrow16(img.Image, white)
	pix := r.d.Image(i)
	a.transparent = r.l.canvas(r.d).store(pix, img)
	a.plain = plain(pix, r.d.C)
	return nil
}

// plain reports whether all pixels, of c channels, are the same.
func plain(pix []uint8, c int) bool {
	for i := c; i < len(pix); i++ {
		if pix[i] != pix[i-c] {
			return false
		}
	}
	return true
}

// adjustWhite reads 16-bit pictures again where all of them together use only the lowest 8, 10, 12
// or 14 bits: as they are they would be nearly black.
func (r *reader) adjustWhite() error {
	if r.white != 0 {
		return nil
	}
	largest, n := -1, 0
	for _, a := range r.about {
		if a.bad == "" && a.largest16 >= 0 {
			largest = max(largest, a.largest16)
			n++
		}
	}
	if n == 0 || likelyWhite(largest) == 0xffff {
		return nil
	}
	r.white = likelyWhite(largest)
	r.l.note("no value of the %s of 16 bits is above %d: %d is taken for white", plural(n, "picture"), largest, r.white)
	return r.readAll(func(i int) bool { return r.about[i].bad == "" && r.about[i].largest16 >= 0 })
}

// dropBad takes the pictures that cannot be read out of the set, or returns the error of them.
func (r *reader) dropBad() error {
	d := r.d
	e := &PicturesError{Of: d.N}
	n, size := 0, d.H*d.W*d.C
	for i, a := range r.about {
		if a.bad != "" {
			e.Bad = append(e.Bad, BadPicture{r.paths[i], a.bad})
			e.memory = e.memory || a.large
			continue
		}
		copy(d.Pix[n*size:(n+1)*size], d.Pix[i*size:(i+1)*size])
		r.about[n], r.paths[n] = a, r.paths[i]
		if d.Labels != nil {
			d.Labels[n] = d.Labels[i]
		}
		n++
	}
	if len(e.Bad) > 0 && (!r.l.o.SkipBad || n == 0) {
		return e
	}
	if len(e.Bad) > 0 {
		r.l.note("left out: %s", strings.TrimPrefix(e.Error(), "dataset: "))
	}
	d.N, d.Pix = n, d.Pix[:n*size]
	r.about, r.paths = r.about[:n], r.paths[:n]
	if d.Labels != nil {
		d.Labels = d.Labels[:n]
	}
	return nil
}

// remark says what whoever has the pictures should know of them.
func (r *reader) remark() {
	l, d := r.l, r.d
	warned, transparent, plain := 0, 0, 0
	for i, a := range r.about {
		if a.warning != "" {
			if warned++; warned <= mostNamed {
				l.note("%s: %s", r.paths[i], a.warning)
			}
		}
		if a.transparent {
			transparent++
		}
		if a.plain {
			plain++
		}
	}
	if warned > mostNamed {
		l.note("%d more are damaged likewise", warned-mostNamed)
	}
	switch g := l.ground; {
	case l.alpha && transparent == 0:
		l.note("no picture is transparent anywhere: alpha is 255 in all of them")
	case l.alpha:
		l.note("pictures that are transparent in places: %d of %d; their alpha is kept", transparent, d.N)
	case transparent > 0:
		l.note("pictures that are transparent in places: %d of %d; they lie on #%02x%02x%02x", transparent, d.N, g.R, g.G, g.B)
	}
	if plain > 0 && 2*plain >= d.N && d.H*d.W > 1 {
		l.note("pictures of one color all over: %d of %d", plain, d.N)
	}
}
