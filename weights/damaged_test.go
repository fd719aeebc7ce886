package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// archiveOfAll makes an archive of names and contents in turn.
func archiveOfAll(t *testing.T, pairs ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i := 0; i < len(pairs); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: pairs[i], Method: zip.Store})
		if err == nil {
			_, err = w.Write([]byte(pairs[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// refused reads a file that is damaged, and whose error says why.
func refused(t *testing.T, what string, b []byte, want string) {
	t.Helper()
	if _, _, err := (Options{}).Read(b); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

// TestPickleValues: what the opcodes of protocols 0 to 5 make.
func TestPickleValues(t *testing.T) {
	long := func(n, size int) string {
		return string(binary.LittleEndian.AppendUint64(nil, uint64(n))[:size])
	}
	for pickle, want := range map[string]any{
		"J\xff\xff\xff\xff":                 int64(-1),
		"M\x01\x02":                         int64(513),
		"\x8a\x00":                          int64(0),
		"\x8a\x01\xfe":                      int64(-2),
		"\x8b" + long(2, 4) + "\x00\x01":    int64(256),
		"\x8a\x09123456789":                 "123456789",
		"I-5\n":                             int64(-5),
		"I00\n":                             false,
		"I01\n":                             true,
		"\x88":                              true,
		"\x89":                              false,
		"L7L\n":                             int64(7),
		"F1.5\n":                            1.5,
		"G\x3f\xf8\x00\x00\x00\x00\x00\x00": 1.5,
		"X" + long(2, 4) + "ab":             "ab",
		"T" + long(2, 4) + "ab":             "ab",
		"B" + long(2, 4) + "ab":             "ab",
		"U\x02ab":                           "ab",
		"C\x02ab":                           "ab",
		"\x8c\x02ab":                        "ab",
		"\x8d" + long(2, 8) + "ab":          "ab",
		"\x8e" + long(2, 8) + "ab":          "ab",
		"Vab\n":                             "ab",
		"S'ab'\n":                           "ab",
		"(K\x01l":                           &list{[]any{int64(1)}},
		"](K\x01K\x02e":                     &list{[]any{int64(1), int64(2)}},
		"\x8f(K\x01\x90":                    &list{[]any{int64(1)}},
		"(K\x01\x91":                        &list{[]any{int64(1)}},
		"(U\x01aK\x01d":                     &dict{[]any{"a"}, []any{int64(1)}},
		"NK\x01\x88\x87":                    tuple{nil, int64(1), true},
		"K\x07p3\n0g3\n":                    int64(7),
		"K\x07r\x03\x00\x00\x000j\x03\x00\x00\x00": int64(7),
		"K\x07\x940h\x00":                          int64(7),
		"N(K\x01K\x021":                            nil,
		"K\x012\x86":                               tuple{int64(1), int64(1)},
		"Pid\n":                                    persistent{"id"},
		"U\x01mU\x01n\x93":                         global{"m", "n"},
		"\x80\x05\x95" + long(1, 8) + "N":          nil,
		"cm\nf\n)R}b":                              &object{function: global{"m", "f"}, state: &dict{}},
		"cm\nf\n)\x81Na":                           &object{function: global{"m", "f"}},
		"cm\nf\n)\x81NNs":                          &object{function: global{"m", "f"}},
		"ccollections\nOrderedDict\n((U\x01aK\x01l" + "U\x01bK\x02\x86l\x85R": &dict{[]any{"a", "b"}, []any{int64(1), int64(2)}},
	} {
		p, n, err := unpickle([]byte(pickle+"."), ir.NewMeter(1<<20))
		if err != nil || n != len(pickle)+1 || !reflect.DeepEqual(p.value, want) {
			t.Errorf("%q: %#v, %d bytes, %v, want %#v", pickle, p.value, n, err, want)
		}
	}
}

// TestPickleDamage: what is no pickle, and where.
func TestPickleDamage(t *testing.T) {
	for pickle, want := range map[string]string{
		"\xff":                                   "opcode 0xff at 1",
		"0":                                      "nothing on its stack",
		"2":                                      "nothing on its stack",
		"N\x86":                                  "nothing on its stack",
		"]e":                                     "no mark",
		"h\x05":                                  "no value 5",
		"g7\n":                                   "no value 7",
		"gx\n":                                   "a number that is none",
		"Ix\n":                                   "a number that is none",
		"Fx\n":                                   "a number that is none",
		"S'ab":                                   "a line cut off",
		"\x95abc":                                "something cut off",
		"\x8a\x20abc":                            "something cut off",
		"K\x01Na":                                "values for what is no list",
		"K\x01NNs":                               "keys for what is no dictionary",
		"}(Nu":                                   "a key without a value",
		"cm\nf\nNR":                              "arguments that are no tuple",
		"NN\x93":                                 "a class without a name",
		"ccollections\nOrderedDict\nN\x85R":      "an OrderedDict of something else",
		"ccollections\nOrderedDict\n(Nl\x85R":    "an OrderedDict of something else",
		"ccollections\nOrderedDict\n(((lll\x85R": "an OrderedDict of something else",
	} {
		refused(t, pickle, archiveOfAll(t, "a/data.pkl", pickle+"."), "a pickle with "+want)
	}
}

// pickledTensor is a checkpoint of one tensor, w: id is what tells its storage, shape and stride
// what its arguments are.
func pickledTensor(id, shape, stride string) string {
	return "}U\x01wctorch._utils\n_rebuild_tensor_v2\n(" + id + "QK\x00" + shape + stride + "tRs."
}

const (
	wholeStorage = "(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x02t"
	twoElements  = "(K\x02t"
	oneApart     = "(K\x01t"
)

// TestCheckpointDamage: tensors without what they are of.
func TestCheckpointDamage(t *testing.T) {
	good := pickledTensor(wholeStorage, twoElements, oneApart)
	for what, c := range map[string]struct {
		want  string
		files []string
	}{
		"no storage":     {`the archive has no file "a/data/0"`, []string{"a/data.pkl", good}},
		"short storage":  {"storage 0 has 4 bytes", []string{"a/data.pkl", good, "a/data/0", "1234"}},
		"order of bytes": {`numbers in the order "big" of bytes`, []string{"a/data.pkl", good, "a/byteorder", "big"}},
		"number":         {"a tensor without a storage", []string{"a/data.pkl", pickledTensor("K\x01", twoElements, oneApart)}},
		"class": {"a tensor in a storage of class torch.OddStorage",
			[]string{"a/data.pkl", pickledTensor(strings.Replace(wholeStorage, "Float", "Odd", 1), twoElements, oneApart)}},
		"view": {`storage "0" is a part of another`,
			[]string{"a/data.pkl", pickledTensor(strings.TrimSuffix(wholeStorage, "t")+"K\x01t", twoElements, oneApart)}},
		"no shape":       {`tensor "w" has no shape`, []string{"a/data.pkl", pickledTensor(wholeStorage, "N", oneApart), "a/data/0", "12345678"}},
		"negative shape": {`tensor "w" has no shape`, []string{"a/data.pkl", pickledTensor(wholeStorage, "(J\xff\xff\xff\xfft", oneApart), "a/data/0", "12345678"}},
		"no pickle":      {"an archive without data.pkl", []string{"a/version", "3"}},
	} {
		refused(t, what, archiveOfAll(t, c.files...), c.want)
	}
}

// TestParameter: a tensor in what PyTorch calls a parameter, whose storage is a number, is found.
func TestParameter(t *testing.T) {
	storage := strings.Replace(wholeStorage, "U\x010", "K\x00", 1)
	tensor := strings.TrimSuffix(strings.TrimPrefix(pickledTensor(storage, twoElements, oneApart), "}U\x01w"), "s.")
	b := archiveOfAll(t, "a/data.pkl", "}U\x01wctorch._utils\n_rebuild_parameter\n("+tensor+"tRs.", "a/data/0", "12345678")
	if _, _, err := (Options{}).Read(b); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), `tensor "w" of [2]: no module`) {
		t.Error(err)
	}
}

// TestWholeModule: the tensors of a module that was saved as a whole, of the older form too, which
// holds the sources of its classes, are found under the names of its state.
func TestWholeModule(t *testing.T) {
	storage := strings.Replace(wholeStorage, "U\x010", "K\x00", 1)
	tensor := strings.TrimSuffix(strings.TrimPrefix(pickledTensor(storage, twoElements, oneApart), "}U\x01w"), "s.")
	parameter := "ctorch.nn.parameter\nParameter\n(" + tensor + "\x88tR"
	inner := "(U\x06modulecnets\nInner\nU\x04a.pyU\x04texttQ)\x81}U\x0b_parameters}U\x01w" + parameter + "ssb"
	for what, class := range map[string]string{"class": "cnets\nOuter\n", "source": "(U\x06modulecnets\nOuter\nU\x04a.pyU\x04texttQ"} {
		outer := class + ")\x81}(U\x0b_parameters}U\x08_modules}U\x04main" + inner + "sU\x04selfNub."
		b := []byte(string(legacyMagic) + "M\xe9\x03.}." + outer + "(K\x00l.\x02\x00\x00\x00\x00\x00\x00\x0012345678")
		if _, _, err := (Options{}).Read(b); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), `module "main": no module of a known family`) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestArchiveOfOthers: an archive of arrays that has something else too.
func TestArchiveOfOthers(t *testing.T) {
	refused(t, "text", archiveOfAll(t, "w.npy", "", "readme.txt", "text"), `"w" is no array of NumPy`)
	refused(t, "order", archiveOfAll(t, "readme.txt", "text", "w.npy", ""), `the archive has a file "readme.txt", which is no array`)
}

// TestLegacyDamage: checkpoints of the older form whose storages are not what they say.
func TestLegacyDamage(t *testing.T) {
	head := string(legacyMagic) + "M\xe9\x03.}." + pickledTensor(wholeStorage, twoElements, oneApart)
	for what, c := range map[string]struct{ rest, want string }{
		"no list":       {"N.", "a checkpoint without a list of its storages"},
		"other storage": {"(U\x019l.\x02\x00\x00\x00\x00\x00\x00\x0012345678", "storage 9 is missing"},
		"cut":           {"(U\x010l.\x09\x00\x00\x00\x00\x00\x00\x0012345678", "storage 0 of 9 elements is cut off"},
		"none":          {"].", "storage 0 is missing"},
	} {
		refused(t, what, []byte(head+c.rest), c.want)
	}
}

// TestArrayDamage: arrays of NumPy that are none.
func TestArrayDamage(t *testing.T) {
	array := func(version byte, head, data string) string {
		b := "\x93NUMPY" + string(version) + "\x00"
		if version == 1 {
			return b + string(binary.LittleEndian.AppendUint16(nil, uint16(len(head)))) + head + data
		}
		return b + string(binary.LittleEndian.AppendUint32(nil, uint32(len(head)))) + head + data
	}
	head := func(descr, fortran, shape string) string {
		return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }"
	}
	for what, c := range map[string]struct{ array, want string }{
		"text":       {"no array at all", `"w" is no array of NumPy`},
		"version":    {array(9, "", ""), `"w" is no array of NumPy`},
		"early":      {"\x93NUMPY\x02\x00\x00\x00", `array "w" ends early`},
		"long":       {array(2, strings.Repeat(" ", 5000), ""), `array "w" has a header of 5000 bytes`},
		"cut":        {"\x93NUMPY\x01\x00\xff\x00", `array "w" has a header of 255 bytes`},
		"dictionary": {array(1, "{'descr'", ""), `array "w": `},
		"big-endian": {array(1, head(">f4", "False", "(1,)"), "1234"), `array "w" has elements of ">f4"`},
		"dimensions": {array(1, head("<f4", "False", "(1"+strings.Repeat(",1", 20)+")"), "1234"), `array "w" of [1 1 1`},
		"short":      {array(1, head("<f4", "False", "(3,)"), "1234"), `tensor "w" of [3] has 4 bytes`},
		"columns":    {array(3, head("<f4", "True", "(3,2)"), "1234"), `array "w" of [3 2] has 4 bytes`},
	} {
		refused(t, what, archiveOfAll(t, "w.npy", c.array), c.want)
	}
}

// TestArchiveDamage: archives whose directory is wrong.
func TestArchiveDamage(t *testing.T) {
	directory := func(b []byte) []byte { return b[bytes.Index(b, []byte("PK\x01\x02")):] }
	end := func(b []byte) []byte { return b[bytes.LastIndex(b, []byte("PK\x05\x06")):] }
	for what, c := range map[string]struct {
		method uint16
		damage func(b []byte)
		want   string
	}{
		"no end":       {zip.Store, func(b []byte) { end(b)[0] = 0 }, "an archive without its directory"},
		"count":        {zip.Store, func(b []byte) { end(b)[10] = 9 }, "the archive's directory ends early"},
		"outside":      {zip.Store, func(b []byte) { end(b)[19] = 9 }, "whose directory is outside of it"},
		"long name":    {zip.Store, func(b []byte) { directory(b)[29] = 9 }, "the archive's directory ends early"},
		"offset":       {zip.Store, func(b []byte) { directory(b)[42] = 1 }, "is not where its directory says"},
		"far offset":   {zip.Store, func(b []byte) { directory(b)[45] = 1 }, "is not where its directory says"},
		"packed":       {zip.Store, func(b []byte) { directory(b)[23] = 1 }, "is outside of it"},
		"two sizes":    {zip.Store, func(b []byte) { directory(b)[24]++ }, "of the archive has two sizes"},
		"method":       {zip.Store, func(b []byte) { directory(b)[10] = 9 }, "is compressed by method 9"},
		"larger":       {zip.Deflate, func(b []byte) { directory(b)[24]++ }, "unexpected EOF"},
		"smaller":      {zip.Deflate, func(b []byte) { directory(b)[24]-- }, "is longer than its directory says"},
		"no deflation": {zip.Deflate, func(b []byte) { copy(b[localBytes+len("a/data.pkl"):], "\xff\xff\xff") }, "corrupt input"},
	} {
		b := archiveOf(t, "a/data.pkl", c.method, []byte(strings.Repeat("N", 40)+"."))
		c.damage(b)
		refused(t, what, b, c.want)
	}
}
