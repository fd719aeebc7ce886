package onnxproto

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// parseFunction adds an operator that the file defines.
func parseFunction(f *ir.File, b []byte, m *ir.Meter) error {
	o := ir.Function{}
	opsets := &ir.File{}
	if err := m.Take(2 * ir.FunctionBytes); err != nil {
		return err
	}
	err := fields(b, func(at field) (err error) {
		switch at.num {
		case 1:
			o.Name, err = at.text(m)
		case 4:
			err = addName(&o.In, at, m)
		case 5:
			err = addName(&o.Out, at, m)
		case 7:
			err = addNode(&o.Nodes, at, m)
		case 9:
			if err = at.want(protowire.BytesType); err == nil {
				err = parseOpset(opsets, at.bytes, m)
			}
		case 10:
			o.Domain, err = at.text(m)
		case 11:
			err = addAttribute(&o.Attributes, at, m, 0)
		case 13:
			o.Overload, err = at.text(m)
		}
		return err
	})
	o.Opset = opsets.Opset
	f.Functions = append(f.Functions, o)
	return err
}

func addNode(list *[]ir.Node, at field, m *ir.Meter) error {
	if err := at.want(protowire.BytesType); err != nil {
		return err
	}
	if err := m.Take(2 * ir.NodeBytes); err != nil {
		return err
	}
	n, err := parseNode(at.bytes, m, 0)
	*list = append(*list, n)
	return err
}

func addName(list *[]string, at field, m *ir.Meter) error {
	s, err := at.text(m)
	if err == nil {
		err = m.Take(2 * ir.WordBytes)
	}
	*list = append(*list, s)
	return err
}

func addAttribute(list *[]ir.Attribute, at field, m *ir.Meter, depth int) error {
	if err := at.want(protowire.BytesType); err != nil {
		return err
	}
	if err := m.Take(2 * ir.AttributeBytes); err != nil {
		return err
	}
	a, err := parseAttribute(at.bytes, m, depth)
	*list = append(*list, a)
	return err
}
