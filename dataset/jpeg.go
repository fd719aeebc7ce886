package dataset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
)

// Markers of ITU-T T.81, table B.1.
const (
	jpegSOF0  = 0xc0 // baseline
	jpegSOF2  = 0xc2 // progressive
	jpegDHT   = 0xc4
	jpegJPG   = 0xc8
	jpegSOF15 = 0xcf
	jpegRST0  = 0xd0
	jpegRST7  = 0xd7
	jpegSOI   = 0xd8
	jpegEOI   = 0xd9
	jpegSOS   = 0xda
	jpegDQT   = 0xdb
	jpegDRI   = 0xdd
	jpegAPP0  = 0xe0
	jpegAPP14 = 0xee
	jpegDAC   = 0xcc
)

// jpegSegment is a marker with its data and, for SOS, the coded data that follow.
type jpegSegment struct {
	marker byte
	data   []byte // without the length
	coded  []byte // of a scan: up to the next marker that is no restart
}

// eachJPEGSegment calls f for the segments of a JPEG file up to EOI, until f returns false. Bytes
// between segments are skipped. It reports whether it came to an EOI, and whether there were no
// such bytes on the way.
func eachJPEGSegment(p []byte, f func(jpegSegment) bool) (ended, tidy bool) {
	tidy = true
	rest := p[min(2, len(p)):]
	for {
		i := bytes.IndexByte(rest, 0xff)
		if i < 0 || i+1 >= len(rest) {
			return false, tidy
		}
		tidy = tidy && i == 0
		marker := rest[i+1]
		rest = rest[i+1:] // a 0xff here may be a fill byte: it is looked at again
		switch {
		case marker == 0xff:
			continue
		case marker == jpegEOI:
			return true, tidy
		case marker < jpegSOF0 || marker >= jpegRST0 && marker <= jpegSOI:
			rest = rest[1:] // stands alone, or is none
			tidy = false
			continue
		}
		s := jpegSegment{marker: marker}
		if len(rest) < 3 {
			return false, tidy
		}
		n := int(binary.BigEndian.Uint16(rest[1:]))
		if n < 2 || 1+n > len(rest) {
			return false, tidy
		}
		s.data, rest = rest[3:1+n], rest[1+n:]
		if marker == jpegSOS {
			s.coded = codedData(rest)
			rest = rest[len(s.coded):]
		}
		if !f(s) {
			return false, tidy
		}
	}
}

// codedData returns what comes before the next marker that ends a scan.
func codedData(p []byte) []byte {
	for i := 0; ; {
		k := bytes.IndexByte(p[i:], 0xff)
		if k < 0 || i+k+1 >= len(p) {
			return p
		}
		i += k
		if m := p[i+1]; m != 0 && m != 0xff && (m < jpegRST0 || m > jpegRST7) {
			return p[:i]
		}
		i++
	}
}

// jpegFrame is what a frame header says.
type jpegFrame struct {
	marker    byte
	precision int
	w, h      int
	sampling  [][2]int // of each component: horizontal, vertical
	converted bool     // its colors are no YCbCr, so that the decoder makes RGBA or CMYK of them
}

// readJPEGFrame returns the frame header of a JPEG of which p is the beginning; false if there is
// none.
func readJPEGFrame(p []byte) (f jpegFrame, ok bool) {
	adobe := byte(1)
	eachJPEGSegment(p, func(s jpegSegment) bool {
		if s.marker == jpegAPP14 && len(s.data) >= 12 {
			adobe = s.data[11]
		}
		if s.marker < jpegSOF0 || s.marker > jpegSOF15 || s.marker == jpegDHT || s.marker == jpegJPG || s.marker == jpegDAC {
			return s.marker != jpegSOS
		}
		if len(s.data) < 6 || len(s.data) != 6+3*int(s.data[5]) {
			return false
		}
		f = jpegFrame{
			marker: s.marker, precision: int(s.data[0]),
			h: int(binary.BigEndian.Uint16(s.data[1:])), w: int(binary.BigEndian.Uint16(s.data[3:])),
		}
		for c := s.data[6:]; len(c) > 0; c = c[3:] {
			f.sampling = append(f.sampling, [2]int{int(c[1] >> 4), int(c[1] & 15)})
		}
		ok = true
		f.converted = adobe == 0 || len(f.sampling) == 4 || len(f.sampling) == 3 && s.data[6] == 'R'
		return false
	})
	return f, ok
}

// unsupported says by which of its properties a JPEG cannot be read here, though other programs may
// read it; "" if there is none. The decoder of Go's library lacks them, and they are rare.
func (f jpegFrame) unsupported() string {
	switch {
	case f.marker == 0xc3:
		return "lossless"
	case f.marker >= 0xc9:
		return "with arithmetic coding"
	case f.marker > jpegSOF2:
		return "with hierarchical coding"
	case f.precision != 8:
		return fmt.Sprintf("of %d bits a sample", f.precision)
	}
	n := len(f.sampling)
	if n == 1 {
		return ""
	}
	if n != 3 && n != 4 {
		return fmt.Sprintf("of %d components", n)
	}
	first := f.sampling[0]
	var odd bool
	for i, s := range f.sampling {
		switch {
		case s[0] < 1 || s[1] < 1 || s[0] == 3 || s[1] == 3 || s[0] > 4 || s[1] > 4:
			odd = true
		case n == 3:
			odd = odd || first[1] == 4 || first[0]%s[0] != 0 || first[1]%s[1] != 0 || i == 2 && s != f.sampling[1]
		case i == 0 || i == 3:
			odd = odd || s != first || s != [2]int{1, 1} && s != [2]int{2, 2}
		default:
			odd = odd || s != [2]int{1, 1}
		}
	}
	if odd {
		return fmt.Sprintf("of sampling factors %v", f.sampling)
	}
	return ""
}

// decodedBytes is what the decoder allocates for the picture.
func (f jpegFrame) decodedBytes() int64 {
	hMax, vMax := 1, 1
	for _, s := range f.sampling {
		hMax, vMax = max(hMax, s[0]), max(vMax, s[1])
	}
	var samples int64
	for _, s := range f.sampling {
		across := int64((f.w+8*hMax-1)/(8*hMax)) * int64(8*s[0])
		down := int64((f.h+8*vMax-1)/(8*vMax)) * int64(8*s[1])
		samples += across * down
	}
	n := samples
	if f.marker == jpegSOF2 {
		n += 4 * samples // the coefficients
	}
	if f.converted {
		n += 4 * int64(f.w) * int64(f.h)
	}
	return n
}

// tidyJPEG writes a JPEG that the decoder refuses in a form that it takes: without unknown
// segments, stray markers and padding, and with an EOI. It returns the file and what was wrong; ""
// if nothing was. Whether all pixels are there is for the decoder to find out, except in a
// progressive file, whose last scans could be missing: "" too.
func tidyJPEG(p []byte) ([]byte, string) {
	to := []byte{0xff, jpegSOI}
	var stray []byte
	refined := newRefinement()
	ended, tidy := eachJPEGSegment(p, func(s jpegSegment) bool {
		known := s.marker == jpegAPP0 || s.marker == jpegAPP14 || s.marker >= jpegSOF0 && s.marker <= jpegSOF2 ||
			s.marker == jpegDHT || s.marker == jpegDQT || s.marker == jpegDRI || s.marker == jpegSOS
		if !known {
			// Other application data and comments are no fault.
			if (s.marker < jpegAPP0 || s.marker > 0xef) && s.marker != 0xfe && !slices.Contains(stray, s.marker) {
				stray = append(stray, s.marker)
			}
			return true
		}
		refined.add(s)
		to = append(to, 0xff, s.marker)
		to = binary.BigEndian.AppendUint16(to, uint16(len(s.data)+2))
		to = append(to, s.data...)
		to = append(to, s.coded...)
		return true
	})
	switch {
	case !refined.complete():
		return nil, ""
	case len(stray) > 0:
		return append(to, 0xff, jpegEOI), fmt.Sprintf("has unknown segments (% x)", stray)
	case !ended || !tidy:
		return append(to, 0xff, jpegEOI), "has no end marker, or stray bytes and markers"
	}
	return nil, ""
}

// endsJPEG reports whether a JPEG has an EOI after its segments.
func endsJPEG(p []byte) bool {
	ended, _ := eachJPEGSegment(p, func(jpegSegment) bool { return true })
	return ended
}

// refinement keeps account of how exactly the scans of a progressive JPEG have sent each
// coefficient of each component.
type refinement struct {
	progressive bool
	missing     map[byte]*[64]bool // bits of the coefficient are still to come
}

func newRefinement() *refinement { return &refinement{missing: map[byte]*[64]bool{}} }

func (r *refinement) add(s jpegSegment) {
	switch {
	case s.marker == jpegSOF2 && len(s.data) >= 6:
		r.progressive = true
		for c := s.data[6:]; len(c) >= 3; c = c[3:] {
			all := new([64]bool)
			for i := range all {
				all[i] = true
			}
			r.missing[c[0]] = all
		}
	case s.marker == jpegSOS && r.progressive && len(s.data) > 0:
		n := int(s.data[0])
		if len(s.data) != 4+2*n {
			return
		}
		first, last, low := s.data[1+2*n], s.data[2+2*n], s.data[3+2*n]&15
		for i := range n {
			if m := r.missing[s.data[1+2*i]]; m != nil {
				for k := first; k <= last && k < 64; k++ {
					m[k] = low > 0
				}
			}
		}
	}
}

func (r *refinement) complete() bool {
	for _, m := range r.missing {
		if slices.Contains(m[:], true) {
			return false
		}
	}
	return true
}
