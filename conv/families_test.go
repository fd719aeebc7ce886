package conv

// family is a named geometry of the tests: at least one for each way in which
// lists, clipping or lowering can go wrong, small enough for the scalar row.
type family struct {
	name string
	g    Geometry
}

func with(g Geometry, edit func(*Geometry)) Geometry {
	edit(&g)
	return g
}

func families() []family {
	pads := func(t, b, l, r int) func(*Geometry) {
		return func(g *Geometry) { g.PadTop, g.PadBottom, g.PadLeft, g.PadRight = t, b, l, r }
	}
	return []family{
		{"1x1", Valid(3, 4, 5, 7, 1, 1, false)},
		{"valid_3x3", Valid(6, 5, 6, 9, 3, 1, false)},
		{"valid_stride2", Valid(7, 8, 5, 6, 3, 2, false)},
		{"valid_stride3_gaps", Valid(9, 8, 5, 6, 2, 3, false)}, // pixels that no tap reads
		{"same_5x5_stride1", Same(7, 7, 8, 6, 5, 1, false)},
		{"same_5x5_stride2_even", Same(8, 6, 6, 12, 5, 2, false)},
		{"same_5x5_stride2_odd", Same(7, 5, 6, 12, 5, 2, false)},
		{"same_stride3", Same(10, 8, 5, 6, 5, 3, false)},
		{"nonsquare_kernel", with(Same(6, 9, 6, 7, 3, 1, false), func(g *Geometry) { g.KW, g.StrideH = 5, 2; *g = g.SamePads() })},
		{"four_pads", with(Valid(5, 6, 6, 7, 4, 1, false), func(g *Geometry) { g.StrideW = 2; pads(2, 0, 1, 3)(g) })},
		{"pads_beyond_kernel", with(Valid(3, 3, 5, 6, 3, 2, false), pads(4, 3, 0, 5))}, // outputs that see padding only
		{"kernel_over_image", with(Valid(3, 2, 6, 5, 7, 1, false), pads(3, 3, 4, 2))},  // taps that meet nothing
		{"all_padding", with(Valid(2, 2, 5, 6, 2, 9, false), pads(7, 0, 7, 0))},
		{"dilated", with(Same(9, 7, 5, 6, 3, 1, false), func(g *Geometry) { g.DilationH, g.DilationW = 2, 3; *g = g.SamePads() })},
		{"dilated_stride2", with(Valid(9, 11, 5, 6, 3, 2, false), func(g *Geometry) { g.DilationH, g.DilationW = 2, 3; pads(1, 2, 3, 0)(g) })},
		{"groups2", with(Same(5, 5, 8, 6, 3, 1, false), func(g *Geometry) { g.Groups = 2 })},
		{"groups4_stride2", with(Same(6, 6, 8, 8, 3, 2, false), func(g *Geometry) { g.Groups = 4 })},
		{"depthwise", with(Same(6, 5, 5, 5, 3, 1, false), func(g *Geometry) { g.Groups = 5 })},
		{"panels_9_to_33", Same(4, 4, 9, 33, 3, 1, false)},
		{"panels_40_to_64", Same(3, 3, 40, 64, 3, 1, false)},
		{"thin_input_1", Same(10, 8, 1, 36, 5, 2, false)},
		{"thin_input_3", Same(8, 8, 3, 20, 4, 2, false)},
		{"thin_input_dilated", with(Same(8, 8, 2, 20, 3, 1, false), func(g *Geometry) { g.DilationW = 2; *g = g.SamePads() })},
		{"thin_output_1", Same(6, 7, 20, 1, 5, 1, false)},
		{"thin_output_3", Same(6, 6, 20, 3, 5, 1, false)},
		{"thin_both", Same(6, 6, 1, 1, 5, 1, false)},

		{"up_1x1", Valid(3, 4, 5, 7, 1, 1, true)},
		{"up_valid_stride2", Valid(4, 3, 6, 5, 3, 2, true)},
		{"up_same_5x5_stride1", Same(7, 7, 8, 6, 5, 1, true)},
		{"up_same_5x5_stride2", Same(7, 5, 8, 6, 5, 2, true)},
		{"up_same_4x4_stride2", Same(5, 4, 6, 7, 4, 2, true)},
		{"up_same_stride3", Same(3, 4, 6, 5, 5, 3, true)},
		{"up_short_kernel", Same(3, 3, 5, 6, 2, 3, true)}, // outputs that nothing reaches
		{"up_nonsquare", with(Same(4, 5, 6, 7, 3, 1, true), func(g *Geometry) { g.KW, g.StrideH = 5, 2; *g = g.SamePads() })},
		{"up_output_padding", with(Valid(4, 4, 6, 5, 5, 2, true), func(g *Geometry) { pads(2, 2, 2, 2)(g); g.OutPadH, g.OutPadW = 1, 1 })},
		{"up_four_crops", with(Valid(4, 5, 6, 7, 4, 1, true), func(g *Geometry) { g.StrideW = 2; pads(2, 0, 1, 3)(g) })},
		{"up_cropped_input", with(Valid(5, 5, 5, 6, 3, 1, true), pads(4, 0, 0, 4))}, // inputs that reach nothing
		{"up_dilated", with(Valid(4, 3, 5, 6, 3, 2, true), func(g *Geometry) { g.DilationH, g.DilationW = 2, 3; pads(1, 2, 3, 0)(g) })},
		{"up_groups2", with(Same(4, 4, 8, 6, 3, 2, true), func(g *Geometry) { g.Groups = 2 })},
		{"up_depthwise", with(Same(4, 4, 5, 5, 4, 2, true), func(g *Geometry) { g.Groups = 5 })},
		{"up_panels_9_to_33", Same(3, 3, 9, 33, 3, 1, true)},
		{"up_thin_output_1", Same(7, 6, 20, 1, 5, 2, true)},
		{"up_thin_output_3", Same(4, 4, 18, 3, 5, 2, true)},
		{"up_thin_output_dilated", with(Valid(4, 4, 18, 2, 3, 1, true), func(g *Geometry) { g.DilationW = 2 })},
		{"up_thin_input_1", Same(5, 4, 1, 36, 4, 2, true)},
		{"up_thin_input_2", Same(5, 4, 2, 20, 5, 1, true)},

		{"dense_vector", Dense(1, 1, 13, 1, 1, 9)},
		{"dense_to_maps", Dense(1, 1, 10, 3, 3, 8)},
		{"dense_to_logit", Dense(4, 4, 12, 1, 1, 1)},
		{"dense_maps", Dense(2, 3, 5, 3, 2, 4)},
		{"dense_wide", Dense(1, 1, 33, 2, 2, 40)},
	}
}
