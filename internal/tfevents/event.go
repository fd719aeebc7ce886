package tfevents

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// version is what the first record of a file says.
const version = "brain.Event:2"

// Event is one record: values of a step, or the version, which the first record of a file has.
type Event struct {
	Wall    float64 // seconds since 1970
	Step    uint64
	Version string
	Values  []Value
}

// Value is a scalar or, with Image, a picture.
type Value struct {
	Tag    string
	Scalar float32
	Image  *Image
}

// Image is a picture as a file.
type Image struct {
	Height, Width int
	Channels      int    // 1 for gray, 3 for RGB, 4 for RGBA
	PNG           []byte // or another format that browsers show
}

// Numbers of the fields, by message.
const (
	eventWall, eventStep, eventVersion, eventSummary       = 1, 2, 3, 5
	summaryValue                                           = 1
	valueTag, valueScalar, valueImage                      = 1, 2, 4
	imageHeight, imageWidth, imageColorspace, imageEncoded = 1, 2, 3, 4
)

// Write appends values of a step to w, in one call of its Write.
func Write(w io.Writer, now time.Time, step uint64, values []Value) error {
	return write(w, Event{Wall: seconds(now), Step: step, Values: values})
}

// Begin writes the first record of a file.
func Begin(w io.Writer, now time.Time) error {
	return write(w, Event{Wall: seconds(now), Version: version})
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

func write(w io.Writer, e Event) error {
	_, err := w.Write(appendRecord(nil, e.encode()))
	return err
}

func (e Event) encode() []byte {
	b := protowire.AppendTag(nil, eventWall, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, math.Float64bits(e.Wall))
	if e.Step > 0 {
		b = appendInt(b, eventStep, e.Step)
	}
	if e.Version != "" {
		b = appendBytes(b, eventVersion, []byte(e.Version))
	}
	if len(e.Values) > 0 {
		var summary []byte
		for _, v := range e.Values {
			summary = appendBytes(summary, summaryValue, v.encode())
		}
		b = appendBytes(b, eventSummary, summary)
	}
	return b
}

func (v Value) encode() []byte {
	b := appendBytes(nil, valueTag, []byte(v.Tag))
	if v.Image == nil {
		b = protowire.AppendTag(b, valueScalar, protowire.Fixed32Type)
		return protowire.AppendFixed32(b, math.Float32bits(v.Scalar))
	}
	img := appendInt(nil, imageHeight, uint64(v.Image.Height))
	img = appendInt(img, imageWidth, uint64(v.Image.Width))
	img = appendInt(img, imageColorspace, uint64(v.Image.Channels))
	img = appendBytes(img, imageEncoded, v.Image.PNG)
	return appendBytes(b, valueImage, img)
}

func appendInt(b []byte, field protowire.Number, x uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), x)
}

func appendBytes(b []byte, field protowire.Number, x []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), x)
}

// Read returns the next event of r. At its end it returns io.EOF; the error of a record that is
// damaged or cut short wraps ErrFormat.
func Read(r io.Reader) (Event, error) {
	data, err := readRecord(r)
	if err != nil {
		return Event{}, err
	}
	var e Event
	err = fields(data, func(f field) error {
		switch f.number {
		case eventWall:
			e.Wall = math.Float64frombits(f.bits)
		case eventStep:
			e.Step = f.bits
		case eventVersion:
			e.Version = string(f.bytes)
		case eventSummary:
			return fields(f.bytes, func(f field) error {
				if f.number != summaryValue {
					return nil
				}
				v, err := decodeValue(f.bytes)
				e.Values = append(e.Values, v)
				return err
			})
		}
		return nil
	})
	return e, err
}

func decodeValue(b []byte) (v Value, err error) {
	err = fields(b, func(f field) error {
		switch f.number {
		case valueTag:
			v.Tag = string(f.bytes)
		case valueScalar:
			v.Scalar = math.Float32frombits(uint32(f.bits))
		case valueImage:
			v.Image = &Image{}
			return v.Image.decode(f.bytes)
		}
		return nil
	})
	return v, err
}

func (m *Image) decode(b []byte) error {
	return fields(b, func(f field) error {
		switch f.number {
		case imageHeight:
			m.Height = int(f.bits)
		case imageWidth:
			m.Width = int(f.bits)
		case imageColorspace:
			m.Channels = int(f.bits)
		case imageEncoded:
			m.PNG = f.bytes
		}
		return nil
	})
}

// Keep copies a file's events up to a step, as far as they can be read: a process that was killed
// leaves the last one cut short. The copy is a file also if nothing can.
func Keep(w io.Writer, r io.Reader, step uint64) error {
	in := bufio.NewReader(r)
	for first := true; ; first = false {
		e, err := Read(in)
		if errors.Is(err, ErrFormat) || err == io.EOF || first && err == nil && e.Version == "" {
			if first {
				return Begin(w, time.Now())
			}
			return nil
		}
		if err != nil {
			return err
		}
		if e.Step <= step {
			if err := write(w, e); err != nil {
				return err
			}
		}
	}
}

// field is one of a message: bytes of a string or message, bits of a number.
type field struct {
	number protowire.Number
	bits   uint64
	bytes  []byte
}

// fields calls yield for each field of a message.
func fields(b []byte, yield func(field) error) error {
	for len(b) > 0 {
		f, n, err := consume(b)
		if err != nil {
			return err
		}
		b = b[n:]
		if err := yield(f); err != nil {
			return err
		}
	}
	return nil
}

func consume(b []byte) (field, int, error) {
	number, kind, head := protowire.ConsumeTag(b)
	f, n := field{number: number}, head
	if head >= 0 {
		rest := b[head:]
		switch kind {
		case protowire.VarintType:
			f.bits, n = protowire.ConsumeVarint(rest)
		case protowire.Fixed64Type:
			f.bits, n = protowire.ConsumeFixed64(rest)
		case protowire.Fixed32Type:
			var x uint32
			x, n = protowire.ConsumeFixed32(rest)
			f.bits = uint64(x)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(rest)
		default: // groups, which no event has
			n = protowire.ConsumeFieldValue(number, kind, rest)
		}
	}
	if n < 0 {
		return f, 0, fmt.Errorf("tfevents: %w: %w", ErrFormat, protowire.ParseError(n))
	}
	return f, head + n, nil
}
