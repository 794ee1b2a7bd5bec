package publication

// maxDeviation is the most that a shown count differs from the true one.
const maxDeviation = 4

// noise says what a count of 1, of 2, … and of 7 or more is shown as: the first of the
// values whose limit, a summed probability times 2³², the cell key is below.
//
// The probabilities are those of the largest entropy among the distributions of mean 0
// and variance 3 that deviate by at most 4 and show neither 1 nor 2 nor anything below
// zero (Giessing 2016, "Computational issues in the design of transition probabilities
// and disclosure risk estimation for additive noise"; the R package ptable, D = 4, V = 3,
// js = 2). Those of 1 and of 2 are so close that the best guess between the two is right in
// 68 % at most: with each by itself of the largest entropy it would be 68.2 %. Zero is shown
// as zero.
var noise = [...]struct {
	shown  []int64
	limits []uint32 // the last value has none
}{
	{[]int64{0, 3, 4, 5}, []uint32{3174040754, 3645887937, 4011858986}},
	{[]int64{0, 3, 4, 5, 6}, []uint32{1756265048, 3506639170, 4123795798, 4280639070}},
	{[]int64{0, 3, 4, 5, 6, 7}, []uint32{879491269, 2557971954, 3621460292, 4103049233, 4258913897}},
	{[]int64{0, 3, 4, 5, 6, 7, 8}, []uint32{367013060, 1589626476, 2719252421, 3540173936, 4009408607, 4220368565}},
	{[]int64{3, 4, 5, 6, 7, 8, 9}, []uint32{1048729263, 1995791562, 2786489472, 3396812160, 3832349422, 4119697305}},
	{[]int64{3, 4, 5, 6, 7, 8, 9, 10}, []uint32{323568193, 912254541, 1742983644, 2652252271, 3424190071, 3932501331, 4192119134}},
	{[]int64{3, 4, 5, 6, 7, 8, 9, 10, 11}, []uint32{84133475, 327755563, 848394377, 1669555673, 2625411623, 3446572919, 3967211733, 4210833821}},
}

// Shown returns how a count of n people is shown whose record keys sum to the cell key.
// The same people are shown alike in every table and at every time.
func Shown(n int, cellKey uint32) int {
	if n <= 0 {
		return 0
	}
	row := &noise[min(n, len(noise))-1]
	i := 0
	for i < len(row.limits) && cellKey >= row.limits[i] {
		i++
	}
	return int(row.shown[i]) + max(0, n-len(noise))
}

// certain is up to how many people of difference two rows are never published both.
const certain = 4

// lots are the chances, in percent, that two rows are merged which differ by certain and
// 1, 2, … people more. A sharp limit would say of the last person whether they are in the
// difference; each of these steps, with what the two counts show, says it in less than
// 60 % of the cases.
var lots = [...]uint64{81, 62, 44, 29, 17, 7}

// maxAlike is up to how many people of difference two rows may be merged.
const maxAlike = certain + len(lots)

// isAlike reports whether two rows that differ by n people are too like each other; the
// key is the sum of those people's record keys, from which the lot follows.
func isAlike(n int, key uint32) bool {
	if n <= certain || n > maxAlike {
		return n <= certain
	}
	// The lot has nothing to do with the noise of the same people (the finisher of Murmur 3).
	key ^= key >> 16
	key *= 0x85ebca6b
	key ^= key >> 13
	key *= 0xc2b2ae35
	key ^= key >> 16
	return uint64(key)*100>>32 < lots[n-certain-1]
}
