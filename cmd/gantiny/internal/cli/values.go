package cli

import (
	"errors"
	"strconv"
	"strings"
)

type stringValue string

func (v *stringValue) Type() string       { return "string" }
func (v *stringValue) String() string     { return string(*v) }
func (v *stringValue) Set(s string) error { *v = stringValue(s); return nil }

type boolValue bool

func (v *boolValue) Type() string   { return "" }
func (v *boolValue) String() string { return strconv.FormatBool(bool(*v)) }

func (v *boolValue) Set(s string) error {
	b, err := strconv.ParseBool(s)
	if err != nil {
		return errors.New("not true or false")
	}
	*v = boolValue(b)
	return nil
}

// base tells how a whole number is written: in decimal, whatever zeros it begins with, or behind
// 0x.
func base(s string) int {
	if digits := strings.TrimLeft(s, "+-"); strings.HasPrefix(digits, "0x") || strings.HasPrefix(digits, "0X") {
		return 0
	}
	return 10
}

type intValue int

func (v *intValue) Type() string   { return "int" }
func (v *intValue) String() string { return strconv.Itoa(int(*v)) }

func (v *intValue) Set(s string) error {
	n, err := strconv.ParseInt(s, base(s), strconv.IntSize)
	if errors.Is(err, strconv.ErrRange) {
		return errors.New("not within what a whole number can be here, " + strconv.FormatInt(-1<<(strconv.IntSize-1), 10) + " to " + strconv.FormatInt(1<<(strconv.IntSize-1)-1, 10))
	}
	if err != nil {
		return errors.New("not a whole number")
	}
	*v = intValue(n)
	return nil
}

type uint64Value uint64

func (v *uint64Value) Type() string   { return "uint" }
func (v *uint64Value) String() string { return strconv.FormatUint(uint64(*v), 10) }

func (v *uint64Value) Set(s string) error {
	n, err := strconv.ParseUint(s, base(s), 64)
	if err != nil {
		return errors.New("not a whole number from 0 to 18446744073709551615")
	}
	*v = uint64Value(n)
	return nil
}

type float64Value float64

func (v *float64Value) Type() string   { return "float" }
func (v *float64Value) String() string { return strconv.FormatFloat(float64(*v), 'g', -1, 64) }

func (v *float64Value) Set(s string) error {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return errors.New("not a number")
	}
	*v = float64Value(f)
	return nil
}
