package figures

// fewest is below how many cases the percentiles of a lead time are withheld from
// anyone who sees aggregates only.
const fewest = 5

// Shielded returns the result as those see it who must never learn of a person: each
// count with the noise of the Cell Key Method, small groups without percentiles.
//
// The noise of a cell follows from who is in it, and from nothing else: the same
// cell is the same in every table, in every answer and on every day, so that
// asking often or subtracting tables takes no noise away. Sums of shown cells may
// therefore differ from the shown total, by a little.
func (r Result) Shielded() Result {
	s := Result{}
	for _, row := range r.Rows {
		if row.Sum = row.shielded(); row.N > 0 {
			s.Rows = append(s.Rows, row)
		}
	}
	for _, l := range r.Leads {
		few := l.N < fewest
		if l.Sum = l.shielded(); l.N == 0 {
			continue
		}
		if few {
			l.Median, l.P90 = -1, -1
		}
		s.Leads = append(s.Leads, l)
	}
	return s
}

// Withheld reports whether the percentiles of a lead time are not shown.
func (l Lead) Withheld() bool { return l.Median < 0 }

// shielded returns the count with its noise, and no key.
func (s Sum) shielded() Sum {
	if s.N <= 0 {
		return Sum{} // zero stays zero
	}
	row := noise[min(s.N, int64(len(noise)))-1]
	v := int64(row.lowest)
	for _, limit := range row.limits {
		if s.Key < limit {
			break
		}
		v++
	}
	return Sum{N: s.N + v}
}

// noise is what is added to a count of 1, of 2, and of 3 or more: from lowest
// upwards by one for each limit that the cell key reaches. The probabilities are
// those of the largest entropy among the distributions of mean 0 that leave no
// count below zero (Giessing 2016, "Computational issues in the design of
// transition probabilities and disclosure risk estimation for additive noise";
// the R package ptable, D = 3). For 3 or more the variance is 10/3, by which the
// best guess whether one person is in a cell is right in 59 % of the cases
// (docs of the field); where a count cannot go down by 3, no variance is asked
// for. In percent: 1 becomes 0…4 by 45.9, 26.1, 14.8, 8.4, 4.8; 2 becomes 0…5 by
// 24.7, 20.7, 17.4, 14.6, 12.3, 10.3; n becomes n−3…n+3 by 10.4, 14.0, 16.7, 17.7,
// 16.7, 14.0, 10.4.
var noise = []struct {
	lowest int
	limits []uint32 // probability summed, times 2³²
}{
	{-1, []uint32{1972925798, 3093029484, 3728954195, 4089992412}},
	{-2, []uint32{1059922248, 1950011644, 2697480747, 3325181811, 3852305438}},
	{-3, []uint32{448359222, 1049788102, 1767118410, 2527848886, 3245179194, 3846608074}},
}
