package dataset

import (
	"bytes"
	"encoding/binary"
	"image"
)

// orientation is the value of EXIF's tag 274: how a picture's rows and columns lie when it is shown
// upright (CIPA DC-008, 4.6.5). 1 is as stored; 5 to 8 exchange rows and columns.
type orientation int

// turned reports whether the upright picture is as wide as the stored one is high.
func (o orientation) turned() bool { return o >= 5 }

// source returns where pixel (x, y) of the upright picture stands in the stored one of w x h
// pixels.
func (o orientation) source(x, y, w, h int) (int, int) {
	switch o {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return y, h - 1 - x
	case 7:
		return w - 1 - y, h - 1 - x
	case 8:
		return w - 1 - y, x
	}
	return x, y
}

// rect returns where the upright picture's part r stands in the stored one of w x h pixels.
func (o orientation) rect(r image.Rectangle, w, h int) image.Rectangle {
	x0, y0 := o.source(r.Min.X, r.Min.Y, w, h)
	x1, y1 := o.source(r.Max.X-1, r.Max.Y-1, w, h)
	return image.Rect(min(x0, x1), min(y0, y1), max(x0, x1)+1, max(y0, y1)+1)
}

// orientationOf finds the tag in a file; 1 where it has none, or a damaged one.
func orientationOf(f format, p []byte) orientation {
	switch f {
	case formatJPEG:
		return jpegOrientation(p)
	case formatPNG:
		var o orientation = 1
		eachPNGChunk(p, func(c pngChunk) bool {
			if c.name == "eXIf" && c.whole {
				o = exifOrientation(c.data)
			}
			return o == 1
		})
		return o
	case formatWebP:
		for rest := p[min(12, len(p)):]; len(rest) >= 8; {
			n := uint64(binary.LittleEndian.Uint32(rest[4:]))
			if uint64(len(rest)-8) < n {
				break
			}
			if string(rest[:4]) == "EXIF" {
				return exifOrientation(rest[8 : 8+n])
			}
			rest = rest[min(uint64(len(rest)), 8+n+n%2):]
		}
	case formatTIFF:
		return exifOrientation(p)
	case formatGIF, formatBMP: // these have no place for it
	}
	return 1
}

func jpegOrientation(p []byte) orientation {
	const app1 = 0xe1
	var o orientation = 1
	eachJPEGSegment(p, func(s jpegSegment) bool {
		if s.marker == app1 && bytes.HasPrefix(s.data, []byte("Exif\x00")) {
			o = exifOrientation(s.data)
		}
		return o == 1
	})
	return o
}

// exifOrientation reads the tag from a TIFF structure, which "Exif\0\0" may come before.
func exifOrientation(p []byte) orientation {
	const tag, short = 274, 3
	if bytes.HasPrefix(p, []byte("Exif\x00")) {
		p = p[min(6, len(p)):]
	}
	if len(p) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(p[:2]) {
	case "II":
		order = binary.LittleEndian
	case "MM":
		order = binary.BigEndian
	default:
		return 1
	}
	at := uint64(order.Uint32(p[4:]))
	if at+2 > uint64(len(p)) {
		return 1
	}
	entries := p[at+2:]
	for n := order.Uint16(p[at:]); n > 0 && len(entries) >= 12; n-- {
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == short {
			if v := order.Uint16(entries[8:]); v >= 1 && v <= 8 {
				return orientation(v)
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}
