package dataset

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// format is what the contents of a file are, whatever its name says.
type format string

// The formats that are read.
const (
	formatPNG  format = "PNG"
	formatJPEG format = "JPEG"
	formatGIF  format = "GIF"
	formatWebP format = "WebP"
	formatBMP  format = "BMP"
	formatTIFF format = "TIFF"
)

// sniffLength is how many of a file's first bytes sniff wants to see.
const sniffLength = 512

// signatures are the first bytes of formats that are read and of those that often lie among
// pictures. A "?" stands for any byte.
var signatures = []struct {
	first string
	is    format
}{
	{"\x89PNG\r\n\x1a\n", formatPNG},
	{"\xff\xd8", formatJPEG},
	{"GIF87a", formatGIF},
	{"GIF89a", formatGIF},
	{"RIFF????WEBP", formatWebP},
	{"BM", formatBMP},
	{"II*\x00", formatTIFF},
	{"MM\x00*", formatTIFF},
	{"????ftypavif", "an AVIF picture"},
	{"????ftypavis", "an AVIF picture"},
	{"????ftyphei", "a HEIC picture"},
	{"????ftyphev", "a HEIC picture"},
	{"????ftypmif1", "a HEIF picture"},
	{"????ftypmsf1", "a HEIF picture"},
	{"????ftyp", "a video"},
	{"\xff\x0a", "a JPEG XL picture"},
	{"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"},
	{"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"},
	{"8BPS", "a Photoshop file"},
	{"\x00\x00\x01\x00", "an icon"},
	{"RIFF", "a RIFF file that is no WebP"},
	{"PK\x03\x04", "a ZIP archive"},
	{"\x1f\x8b", "a gzip file"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive"},
	{"Rar!", "a RAR archive"},
	{"%PDF", "a PDF file"},
	{"\x93NUMPY", "a NumPy array"},
	{"version https://git-lfs", "a pointer of Git LFS, without the file that it stands for"},
}

// sniff tells by a file's first bytes what it is: one of the formats that are read, or a noun for a
// message.
func sniff(p []byte) format {
	if len(p) == 0 {
		return "an empty file"
	}
	for _, s := range signatures {
		if matches(p, s.first) {
			return s.is
		}
	}
	text := strings.ToLower(strings.TrimSpace(string(bytes.TrimPrefix(p, []byte("\xef\xbb\xbf")))))
	switch {
	case len(bytes.Trim(p, "\x00")) == 0:
		return "a file of zeros"
	case strings.HasPrefix(text, "<!doctype html") || strings.HasPrefix(text, "<html"):
		return "an HTML page"
	case strings.HasPrefix(text, "<svg") || strings.HasPrefix(text, "<?xml") && strings.Contains(text, "<svg"):
		return "an SVG drawing"
	case utf8.ValidString(text) && !strings.ContainsRune(text, 0):
		return "text"
	}
	return "of no known format"
}

func matches(p []byte, pattern string) bool {
	if len(p) < len(pattern) {
		return false
	}
	for i := range len(pattern) {
		if pattern[i] != '?' && pattern[i] != p[i] {
			return false
		}
	}
	return true
}

// decodable reports whether pictures of this format are read.
func (f format) decodable() bool {
	switch f {
	case formatPNG, formatJPEG, formatGIF, formatWebP, formatBMP, formatTIFF:
		return true
	}
	return false
}
