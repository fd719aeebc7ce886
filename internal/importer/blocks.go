package importer

import (
	"slices"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// This file holds the operators that move blocks between positions and channels.

// blocks are the atoms of a dimension, cut in the given sizes.
func (im *importer) blocks(v *value, cutTo [][]int) (*value, [][]*atom, error) {
	sizes := slices.Concat(cutTo...)
	w, dims, ok := v.split(sizes)
	if !ok {
		c, err := im.contiguous(v)
		if err != nil {
			return nil, nil, err
		}
		if w, dims, ok = c.split(sizes); !ok {
			return nil, nil, ir.Refuse("dimensions of %v", v.sizes(im.batch))
		}
	}
	w.batch = v.batch
	return w, dims, nil
}

// imageDims returns the channels, rows and columns of an input of (N, C, H, W).
func (s *step) imageDims() (v *value, c, h, w int, err error) {
	if v, err = s.dynamic(0); err != nil {
		return nil, 0, 0, 0, err
	}
	if len(v.dims) != 4 || v.batch > 0 || len(v.dims[0]) > 0 {
		return nil, 0, 0, 0, ir.Refuse("an input of %v, want (N, C, H, W)", v.sizes(s.im.batch))
	}
	return v, size(v.dims[1]), size(v.dims[2]), size(v.dims[3]), nil
}

func convertDepthToSpace(s *step) error {
	v, c, h, w, err := s.imageDims()
	if err != nil {
		return err
	}
	b, mode := s.intAttr("blocksize", 0), s.textAttr("mode", "DCR")
	if b < 1 || b > c || c%(b*b) != 0 || mode != "DCR" && mode != "CRD" {
		return ir.Refuse("blocksize %d, mode %q of %d channels", b, mode, c)
	}
	cutTo := [][]int{{b, b, c / (b * b)}, {h}, {w}}
	if mode == "CRD" {
		cutTo[0] = []int{c / (b * b), b, b}
	}
	v, d, err := s.im.blocks(v, cutTo)
	if err != nil {
		return err
	}
	if mode == "CRD" {
		d = [][]*atom{d[1], d[2], d[0], d[3], d[4]}
	}
	v.dims = [][]*atom{nil, d[2], slices.Concat(d[3], d[0]), slices.Concat(d[4], d[1])}
	return s.done(v, nil)
}

func convertSpaceToDepth(s *step) error {
	v, c, h, w, err := s.imageDims()
	if err != nil {
		return err
	}
	b := s.intAttr("blocksize", 0)
	if b < 1 || h%b != 0 || w%b != 0 {
		return ir.Refuse("blocksize %d of %d x %d", b, h, w)
	}
	v, d, err := s.im.blocks(v, [][]int{{c}, {h / b, b}, {w / b, b}})
	if err != nil {
		return err
	}
	v.dims = [][]*atom{nil, slices.Concat(d[2], d[4], d[0]), d[1], d[3]}
	return s.done(v, nil)
}
