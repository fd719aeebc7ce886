package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/gantiny/gantiny/picture"
)

// sample is a picture's .json in a .tar.
type sample struct {
	Index int    `json:"index"`
	Seed  uint64 `json:"seed"`
	Class *int   `json:"class,omitempty"`
	Name  string `json:"class_name,omitempty"`
}

// tar writes the part as WebDataset reads it: the files of a picture lie side by side and have its
// index for their name.
func (p *partWriter) tar(ctx context.Context, w io.Writer) error {
	t := ustar{w}
	var e pngs
	err := p.d.each(ctx, p.first, p.end, func(b block) error {
		if err := e.encode(&p.d.set, b, p.d.threads); err != nil {
			return err
		}
		for i := range b.n {
			if err := p.addSample(t, b.first+i, e.files[i].Bytes()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return t.end()
}

// addSample adds picture i.
func (p *partWriter) addSample(t ustar, i int, png []byte) error {
	set := &p.d.set
	about := sample{Index: i, Seed: set.Seed}
	key := fmt.Sprintf("%09d", i)
	if err := t.add(key+".png", png); err != nil {
		return err
	}
	if set.Classes > 0 {
		class := set.classOf(i)
		about.Class = &class
		if set.ClassNames != nil {
			about.Name = set.ClassNames[class]
		}
		if err := t.add(key+".cls", strconv.AppendInt(nil, int64(class), 10)); err != nil {
			return err
		}
	}
	text, err := json.Marshal(about)
	if err != nil {
		return err
	}
	return t.add(key+".json", text)
}

// pngs encodes the pictures of a block side by side, and keeps the memory for the next.
type pngs struct {
	files   []bytes.Buffer
	buffers []pngBuffer
}

// pngBuffer keeps one encoder's memory.
type pngBuffer struct{ b *png.EncoderBuffer }

func (p *pngBuffer) Get() *png.EncoderBuffer  { return p.b }
func (p *pngBuffer) Put(b *png.EncoderBuffer) { p.b = b }

func (e *pngs) encode(s *Set, b block, threads int) error {
	for len(e.files) < b.n {
		e.files = append(e.files, bytes.Buffer{})
	}
	if e.buffers == nil {
		e.buffers = make([]pngBuffer, threads)
	}
	var next atomic.Int64
	errs := make([]error, threads)
	work := func(worker int) {
		enc := png.Encoder{BufferPool: &e.buffers[worker]}
		size := s.Height * s.Width * s.Channels
		for {
			i := int(next.Add(1)) - 1
			if i >= b.n || errs[worker] != nil {
				return
			}
			e.files[i].Reset()
			errs[worker] = enc.Encode(&e.files[i], picture.KeepAlpha(picture.Grid(b.pixels[i*size:][:size], s.Height, s.Width, s.Channels, 1)))
		}
	}
	var wg sync.WaitGroup
	for worker := 1; worker < threads; worker++ {
		wg.Go(func() { work(worker) })
	}
	work(0)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
