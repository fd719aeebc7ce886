package listing

import "testing"

const text = `
0000000000001000 <f>:
  1000:	mov	v9.16b, v8.16b
  1004:	fmla	v0.4s, v8.4s, v9.s[0]
  1008:	cbz	x3, 1014 <f+0x14>
  100c:	ldp	q8, q9, [x9], #32
  1010:	ld1	{v28.16b-v31.16b}, [x8], #64
  1014:	sdot	v0.4s, v28.16b, v8.4b[0]
  1018:	smull2	v1.8h, v28.16b, v8.16b
  101c:	sub	x7, x7, #0x1
  1020:	cbnz	x7, 1014 <f+0x14>
  1024:	b.ne	1000 <f>  // b.any
`

func TestInnerLoops(t *testing.T) {
	loops := InnerLoops(Read(text))
	if len(loops) != 1 || len(loops[0]) != 4 || loops[0][0].Address != 0x1014 || loops[0][3].Text != "cbnz x7, 1014 <f+0x14>" {
		t.Fatalf("loops %v", loops)
	}
	multiplies := 0
	for _, ins := range loops[0] {
		if ins.IsMultiply() {
			multiplies++
		}
	}
	if multiplies != 2 {
		t.Errorf("%d multiplies", multiplies)
	}
	if got := loops[0][3].WithTarget(".Lround"); got != "cbnz x7, .Lround" || !loops[0][3].IsBranch() || loops[0][2].IsBranch() {
		t.Errorf("the branch is %q", got)
	}
}
