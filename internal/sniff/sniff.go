package sniff

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrNoModel is what errors about a file that is something else wrap.
var ErrNoModel = errors.New("no model")

// headBytes is how much of a file is looked at.
const headBytes = 512

// Format is one of those that gantiny imports.
type Format string

// The formats of Import.
const (
	ONNX        Format = "ONNX"
	TFLite      Format = "TensorFlow Lite"
	PyTorch     Format = "PyTorch"
	NumPy       Format = "NumPy"
	Safetensors Format = "safetensors"
)

// extensions are those by which a file of a format is taken for a model as it is.
var extensions = map[Format][]string{ONNX: {".onnx"}, TFLite: {".tflite"}, PyTorch: {".pt", ".pth"}}

// Model says what is wrong with the file at path as a model in .safetensors or, by its name, in
// another format: an error that wraps ErrNoModel if it is recognized as something else or is no
// regular file, the system's if it cannot be read. nil is no promise: the file is not decoded. A
// pipe is not opened, so that nobody waits for it.
func Model(path string) error {
	head, err := headOf(path)
	if err != nil {
		return err
	}
	k := kindOf(head)
	for _, e := range extensions[k.format] {
		if strings.EqualFold(filepath.Ext(path), e) {
			return nil
		}
	}
	if k.what != "" {
		return fmt.Errorf("%s: %w: it is %s", path, ErrNoModel, k.what)
	}
	return nil
}

// Import returns the format of a file that is to be imported, or an error as Model does. A file
// that is not recognized has the format of its extension, if it is one of a format's.
func Import(path string) (Format, error) {
	head, err := headOf(path)
	if err != nil {
		return "", err
	}
	k := kindOf(head)
	switch {
	case k.format != "":
		return k.format, nil
	case k.what != "":
		return "", fmt.Errorf("%s: %w: it is %s", path, ErrNoModel, k.what)
	case safetensors(head):
		return Safetensors, nil
	}
	for f, list := range extensions {
		for _, e := range list {
			if strings.EqualFold(filepath.Ext(path), e) {
				return f, nil
			}
		}
	}
	return "", fmt.Errorf("%s: %w: it is nothing that is recognized; imported are ONNX, TensorFlow Lite, PyTorch's checkpoints, .safetensors and .npz", path, ErrNoModel)
}

// headOf returns the beginning of a file.
func headOf(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w: it is %s; a model is a file, which is read at any place", path, ErrNoModel, special(info.Mode()))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, headBytes)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	return head[:n], nil
}

// special names what is no regular file.
func special(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// Bytes says what begins with head, and what to do about it: "a web page: ...". It is empty for
// .safetensors and for what is not recognized.
func Bytes(head []byte) string { return kindOf(head).what }

// safetensors matches the length of a header, and its beginning.
func safetensors(head []byte) bool {
	return len(head) > 8 && head[8] == '{' && binary.LittleEndian.Uint64(head) < 1<<32
}

// kindOf returns what begins with head, the zero kind for .safetensors and for what is not
// recognized.
func kindOf(head []byte) kind {
	if !safetensors(head) {
		for _, k := range kinds {
			if k.is(head) {
				return k
			}
		}
	}
	return kind{}
}

const (
	another   = "gantiny reads .safetensors"
	byImport  = "'gantiny import' makes a model of it"
	byScript  = "contrib/python/keras_to_gantiny.py makes a model of it"
	notImport = "; torch.save of a state_dict makes one that 'gantiny import' takes"
)

// kind is a kind of file.
type kind struct {
	is     func(head []byte) bool
	what   string
	format Format // of those that are imported
}

// kinds are asked in order.
var kinds = []kind{
	{text("version https://git-lfs.github.com/spec/"), "a pointer of Git LFS in the file's place: 'git lfs pull' fetches the file itself", ""},
	{web, "a web page, not the file that it is about: the address of a download often ends in /resolve/ or /raw/ where the page's has /blob/", ""},
	{begins("\x89HDF\r\n\x1a\n"), "in HDF5, as Keras writes .h5; " + byScript, ""},
	{zipOf(".pkl"), "a checkpoint of PyTorch; " + byImport, PyTorch},
	{zipOf(".npy"), "an archive of NumPy (.npz); " + byImport, NumPy},
	{zipOf("metadata.json", "config.json", "model.weights.h5"), "a model of Keras (.keras); " + byScript, ""},
	{begins("PK\x03\x04"), "a zip archive: unpack it first", ""},
	{at(4, "TFL3"), "a model of TensorFlow Lite: give it a name that ends in .tflite", TFLite},
	{begins("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"), "a checkpoint of PyTorch in its old form; " + byImport, PyTorch},
	{pickle, "a pickle of Python, which nothing should load that others made" + notImport, ""},
	{begins("GGUF"), "in GGUF; " + another, ""},
	{begins("\x93NUMPY"), "an array of NumPy (.npy); " + another, ""},
	{begins("\x1f\x8b"), "compressed by gzip: unpack it first", ""},
	{begins("BZh"), "compressed by bzip2: unpack it first", ""},
	{begins("\xfd7zXZ\x00"), "compressed by xz: unpack it first", ""},
	{begins("\x28\xb5\x2f\xfd"), "compressed by zstd: unpack it first", ""},
	{at(257, "ustar"), "a tar archive: unpack it first", ""},
	{begins("\x89PNG"), "a picture (PNG)", ""},
	{begins("\xff\xd8\xff"), "a picture (JPEG)", ""},
	{begins("GIF8"), "a picture (GIF)", ""},
	{begins("%PDF"), "a PDF", ""},
	{begins("\x7fELF"), "a program", ""},
	{text("{", "["), "JSON; " + another, ""},
	{onnx, "a model in ONNX: give it a name that ends in .onnx", ONNX},
}

func begins(magic string) func([]byte) bool { return at(0, magic) }

func at(offset int, magic string) func([]byte) bool {
	return func(head []byte) bool { return len(head) >= offset && bytes.HasPrefix(head[offset:], []byte(magic)) }
}

// text matches what begins with one of the words after white space and a byte order mark, whatever
// its case.
func text(words ...string) func([]byte) bool {
	return func(head []byte) bool {
		s := strings.ToLower(strings.TrimLeft(strings.TrimPrefix(string(head), "\ufeff"), " \t\r\n"))
		for _, w := range words {
			if strings.HasPrefix(s, w) {
				return true
			}
		}
		return false
	}
}

func web(head []byte) bool { return text("<!doctype", "<html", "<head", "<?xml", "<!--")(head) }

// zipOf matches a zip archive whose first file's name ends in one of the words. PyTorch writes
// NAME/data.pkl first.
func zipOf(ends ...string) func([]byte) bool {
	return func(head []byte) bool {
		const fixed = 30 // bytes of a local file header before the name
		if !bytes.HasPrefix(head, []byte("PK\x03\x04")) || len(head) < fixed {
			return false
		}
		n := int(binary.LittleEndian.Uint16(head[26:]))
		name := string(head[fixed:min(len(head), fixed+n)])
		for _, end := range ends {
			if strings.HasSuffix(name, end) {
				return true
			}
		}
		return false
	}
}

// pickle matches protocols 2 to 5: the opcode PROTO, the protocol, and one of the opcodes that
// follow it in practice.
func pickle(head []byte) bool {
	return len(head) > 3 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5 && strings.IndexByte("}]()c\x95\x8cX\x8aG", head[2]) >= 0
}

// onnx matches a ModelProto: field 1, the version of the format, and then a field of text or the
// opsets.
func onnx(head []byte) bool {
	return len(head) > 4 && head[0] == 0x08 && head[1] >= 1 && head[1] <= 32 && strings.IndexByte("\x12\x1a\x22\x32\x3a\x42", head[2]) >= 0
}
